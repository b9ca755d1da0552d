"""How many clips of each class could be had, and whether they are enough to go on."""

import logging
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from stages.audio.clips import Clip, clips_by_shard
from stages.audio.columns import STATUS, USABLE, YIELD
from stages.common.errors import InputError, one_line
from stages.common.tables import read_table, write_table
from stages.corpus.columns import CLASSES

_ALL = "*"
_SUFFIX = ".status.tsv"


class _Reason(NamedTuple):
    split: str
    status: str
    reason: str


def check_audio(
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    status: Sequence[str | os.PathLike],
    table: str | os.PathLike,
    max_bad_share: float,
) -> None:
    """Write the yield of every split, class and status to `table`.

    `status` are the status tables of all shards, `{split}/{shard}.status.tsv`. Raises InputError
    when a clip of clips.tsv has not exactly one status, and when more than `max_bad_share` of a
    split's clips, or all, are of no use; then a table of reasons goes to the log and to standard
    error first.
    """
    named = {name: read_table(classes, CLASSES)[name].tolist() for name in ("mid", "name")}
    names = {_ALL: "all classes", **dict(zip(named["mid"], named["name"], strict=True))}
    counts: Counter[tuple[str, str, str]] = Counter()
    reasons: Counter[_Reason] = Counter()
    examples: dict[_Reason, str] = {}
    waiting = {(Path(path).parent.name, Path(path).name): path for path in status}
    splits: list[str] = []
    for split, shard, members in clips_by_shard(clips):
        if split not in splits:
            splits.append(split)
        path = waiting.pop((split, shard + _SUFFIX), None)
        if path is None:
            raise InputError(f"shard {split}/{shard}: has no status table; run fetch_audio for it")
        rows = _statuses(path, split, shard, members)
        for clip, row in zip(members, rows.itertuples(index=False), strict=True):
            for mid in (_ALL, *dict.fromkeys(clip.labels)):
                if mid not in names:
                    raise InputError(
                        f"{clips}: clip {clip.clip_id} bears {one_line(mid)}, which {classes} "
                        "does not list"
                    )
                counts[split, mid, row.status] += 1
            if row.status not in USABLE:
                reason = _Reason(split, row.status, row.reason)
                reasons[reason] += 1
                examples.setdefault(reason, f"{clip.clip_id}: {row.message}")
    if waiting:
        path = next(iter(waiting.values()))
        raise InputError(f"{path}: belongs to no shard of {clips}; delete it and run again")
    write_table(table, _yields(counts, splits, names), YIELD)
    complaints = [
        complaint
        for split in splits
        if (complaint := _complaint(split, counts, reasons, examples, max_bad_share))
    ]
    if complaints:
        raise InputError(
            f"{' and '.join(complaints)} are of no use, more than audio.max_bad_share allows "
            f"({max_bad_share:.1%}); every clip's reason is in "
            f"{Path(status[0]).parent.parent}/*/*{_SUFFIX}; mend them, or raise the limit"
        )


def _statuses(
    path: str | os.PathLike, split: str, shard: str, clips: Sequence[Clip]
) -> pd.DataFrame:
    """Return the rows of a status table in the order of `clips`, one each."""
    rows = read_table(path, STATUS)
    found = Counter(rows["clip_id"])
    asked = {clip.clip_id for clip in clips}
    for problem, culprits in (
        ("no status", (clip_id for clip_id in asked if not found[clip_id])),
        ("more than one status", (clip_id for clip_id, count in found.items() if count > 1)),
        ("a status, but is not in the shard", (name for name in found if name not in asked)),
    ):
        culprit = min(culprits, default=None)
        if culprit is not None:
            raise InputError(
                f"shard {split}/{shard}: clip {one_line(culprit)} has {problem} in {path}; "
                "delete that table and run again"
            )
    return rows.set_index("clip_id").loc[[clip.clip_id for clip in clips]].reset_index()


def _yields(
    counts: Counter[tuple[str, str, str]], splits: Sequence[str], names: dict[str, str]
) -> pd.DataFrame:
    found = sorted({status for _, _, status in counts})
    statuses = [*USABLE, *(status for status in found if status not in USABLE)]
    rows = []
    for split in splits:
        for mid, name in names.items():
            total = sum(counts[split, mid, status] for status in statuses)
            for status in statuses:
                clips = counts[split, mid, status]
                if clips:
                    rows.append((split, mid, name, status, clips, clips / total))
    return pd.DataFrame(rows, columns=list(YIELD))


def _complaint(
    split: str,
    counts: Counter[tuple[str, str, str]],
    reasons: Counter[_Reason],
    examples: dict[_Reason, str],
    max_bad_share: float,
) -> str | None:
    """Return how many clips of `split` are of no use, if they are too many, and show why."""
    total = sum(count for (where, mid, _), count in counts.items() if (where, mid) == (split, _ALL))
    ours = [(reason, count) for reason, count in reasons.most_common() if reason.split == split]
    bad = sum(count for _, count in ours)
    logging.info("%s: %d of %d clips usable", split, total - bad, total)
    if bad <= max_bad_share * total and bad < total:
        return None
    lines = [f"{'status':<12} {'reason':<26} {'clips':>8}  example"]
    for reason, count in ours:
        example = one_line(examples[reason], 160)
        lines.append(f"{reason.status:<12} {reason.reason:<26} {count:>8}  {example}")
    logging.error("clips of %s that are of no use:\n%s", split, "\n".join(lines))
    print("\n".join(lines), file=sys.stderr)
    return f"{bad} of {total} clips of {split} ({bad / total:.1%})"
