"""How many clips of each class are usable, and whether they are enough."""

import logging
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from music_detectors.audio.clips import Clip, clips_by_shard
from music_detectors.audio.columns import GATE, SPLIT_YIELD, STATUS, USABLE, YIELD
from music_detectors.audio.yield_limits import clips_needed, shortage
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError, one_line, say
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES

ALL = "*"
"""The class that means all clips of a split."""

MIRROR_2023 = {"train": (22_160, 18_685), "test": (20_371, 17_142)}
"""Clips in AudioSet's balanced train and eval lists, and how many of them YouTube still had in
March 2023, from the card of the data set agkphysics/AudioSet on Hugging Face."""

_SUFFIX = ".status.tsv"
_SHOWN_REASONS = 20

_Key = tuple[str, str, str, str]
"""Split, class, status, reason."""


def summarise_yield(
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    status: Sequence[str | os.PathLike],
    table: str | os.PathLike,
    splits: str | os.PathLike,
) -> None:
    """Count the clips by status in `table` (yield.tsv) and `splits` (yield_splits.tsv).

    `status` are the status tables of all shards, `{split}/{shard}.status.tsv`. Raises InputError
    unless every clip of clips.tsv has exactly one status.
    """
    named = {name: read_table(classes, CLASSES)[name].tolist() for name in ("mid", "name")}
    names = {ALL: "all classes", **dict(zip(named["mid"], named["name"], strict=True))}
    counts: Counter[_Key] = Counter()
    examples: dict[_Key, str] = {}
    from_audioset: dict[str, bool] = {}
    unread = {(Path(path).parent.name, Path(path).name): path for path in status}
    for split, shard, members in clips_by_shard(clips):
        path = unread.pop((split, shard + _SUFFIX), None)
        if path is None:
            raise InputError(f"shard {split}/{shard}: no status table; run the same command again")
        rows = _statuses(path, members)
        for clip, row in zip(members, rows.itertuples(index=False), strict=True):
            for mid in (ALL, *dict.fromkeys(clip.labels)):
                if mid not in names:
                    why = f"clip {clip.clip_id} has the label {mid}, which is not in {classes}"
                    raise damaged(clips, "table", why, classes)
                counts[split, mid, row.status, row.reason] += 1
            if row.status not in USABLE:
                example = f"{clip.clip_id}: {row.message}"
                examples.setdefault((split, ALL, row.status, row.reason), one_line(example, 160))
        is_audioset = all(clip.source == "audioset" for clip in members)
        from_audioset[split] = from_audioset.get(split, True) and is_audioset
    if unread:
        path = next(iter(unread.values()))
        raise damaged(path, "table", f"its shard is not in {clips}")
    found = _yields(counts, examples, list(from_audioset), names)
    write_table(table, found, YIELD)
    write_table(splits, _split_yields(found, from_audioset), SPLIT_YIELD)


def check_audio(
    table: str | os.PathLike,
    splits: str | os.PathLike,
    gate: str | os.PathLike,
    max_bad_share: float,
    min_clips: Mapping[str, int],
) -> None:
    """Write `gate` if the tables of `summarise_yield` show enough usable clips.

    A split needs `min_clips` usable clips, at least one, and at most `max_bad_share` of it may be
    unusable. Otherwise logs and prints the reasons of every split that falls short, and raises
    InputError.
    """
    found = read_table(splits, SPLIT_YIELD)
    needed = []
    complaints = []
    for row in found.itertuples(index=False):
        least = min_clips[row.split]
        needed.append(clips_needed(row.clips, max_bad_share, least))
        logging.info("%s: %d of %d clips usable", row.split, row.usable, row.clips)
        message = shortage(row.split, row.usable, row.clips, max_bad_share, least)
        if message:
            complaints.append(message)
            _show_reasons(read_table(table, YIELD), row.split)
    if complaints:
        raise InputError(
            f"{'; '.join(complaints)}; {table} has the reasons, and {Path(table).parent}/*/*"
            f"{_SUFFIX} those of every clip: add or replace the recordings concerned, fetch failed "
            "clips again (docs/fetching.md), or change the limit; then the same command again"
        )
    write_table(gate, found.assign(needed=needed), GATE)


def _statuses(path: str | os.PathLike, clips: Sequence[Clip]) -> pd.DataFrame:
    """Return the row of each of `clips` in a status table, in the order of `clips`."""
    rows = read_table(path, STATUS)
    found = Counter(rows["clip_id"])
    expected = {clip.clip_id for clip in clips}
    for problem, culprits in (
        ("no status", (clip_id for clip_id in expected if not found[clip_id])),
        ("more than one status", (clip_id for clip_id, count in found.items() if count > 1)),
        ("a status, but is not in the shard", (name for name in found if name not in expected)),
    ):
        culprit = min(culprits, default=None)
        if culprit is not None:
            raise damaged(path, "table", f"clip {culprit} has {problem}")
    return rows.set_index("clip_id").loc[[clip.clip_id for clip in clips]].reset_index()


def _yields(
    counts: Counter[_Key],
    examples: Mapping[_Key, str],
    splits: Sequence[str],
    names: Mapping[str, str],
) -> pd.DataFrame:
    found = sorted({(status, reason) for _, _, status, reason in counts})
    order = {status: rank for rank, status in enumerate(USABLE)}
    found.sort(key=lambda pair: order.get(pair[0], len(order)))
    rows = []
    for split in splits:
        for mid, name in names.items():
            total = sum(counts[split, mid, *pair] for pair in found)
            for status, reason in found:
                key = (split, mid, status, reason)
                clips = counts[key]
                if clips:
                    example = examples.get(key, "")
                    rows.append((split, mid, name, status, reason, clips, clips / total, example))
    return pd.DataFrame(rows, columns=list(YIELD))


def _split_yields(table: pd.DataFrame, from_audioset: Mapping[str, bool]) -> pd.DataFrame:
    rows = []
    for split, is_audioset in from_audioset.items():
        of_split = table[(table["split"] == split) & (table["class"] == ALL)]
        clips = int(of_split["clips"].sum())
        usable = int(of_split.loc[of_split["status"].isin(USABLE), "clips"].sum())
        listed, mirrored = MIRROR_2023.get(split, (0, 0))
        mirror = float(mirrored) if is_audioset and clips == listed else math.nan
        rows.append((split, clips, usable, usable / clips, mirror, mirror / clips))
    return pd.DataFrame(rows, columns=list(SPLIT_YIELD))


def _show_reasons(table: pd.DataFrame, split: str) -> None:
    """Log and print why clips of `split` are unusable, the most frequent reasons first."""
    of_split = table[(table["split"] == split) & (table["class"] == ALL)]
    bad = of_split[~of_split["status"].isin(USABLE)].sort_values(
        "clips", ascending=False, kind="stable"
    )
    lines = [f"{'status':<16} {'reason':<30} {'clips':>8}  example"]
    for row in bad.head(_SHOWN_REASONS).itertuples(index=False):
        lines.append(f"{row.status:<16} {row.reason:<30} {row.clips:>8}  {row.example}")
    if len(bad) > _SHOWN_REASONS:
        lines.append(f"and {len(bad) - _SHOWN_REASONS} more reasons")
    logging.error("unusable clips of %s:\n%s", split, "\n".join(lines))
    for line in lines:
        say(line)
