"""What readers of the report should know before they trust it, from all stages."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from music_detectors.audio.columns import USABLE
from music_detectors.common.errors import one_line
from music_detectors.genres.columns import ENOUGH_BLOCKS
from music_detectors.recognition.columns import MEMORISED

_WARNING = re.compile(r"\S+ \S+ WARNING (.*)")
_MOST_LOGGED = 30


def warnings_of(
    config: Mapping,
    target: str,
    clips: pd.DataFrame,
    fetched: pd.DataFrame,
    clipped: pd.DataFrame,
    recognition: pd.DataFrame,
    genres: pd.DataFrame,
    differs_in: str,
) -> list[tuple[str, str]]:
    """Return pairs of a stage and what is amiss in it, in the order of the stages.

    `clips` is the summary of the corpus, `fetched` the rows of yield.tsv for all classes,
    `clipped` the table of clipped clips, `recognition` and `genres` the tables of the networks and
    of the condition of the claims, and `differs_in` says in what target and other clips differ.
    """
    networks = config["networks"]["seeds"]
    enough = config["claims"]["min_networks"]
    found = [*_of_sound(fetched), *_of_clipped(clipped)]
    if differs_in:
        found.append(("selectivity", f"{target} and other test clips differ in {differs_in}"))
    if networks < enough:
        found.append(
            (
                "networks",
                f"{networks} per condition, and claims.min_networks is {enough}: "
                "every verdict is undetermined",
            )
        )
    found += _of_networks(config, recognition)
    small = genres[genres["n_blocks"] < ENOUGH_BLOCKS]["name"].unique()
    if len(small):
        found.append(
            (
                "genres",
                f"fewer than {ENOUGH_BLOCKS} blocks of recordings, too few for an error over "
                f"sounds: {_named(small)}",
            )
        )
    rows = clips.to_dict("records")
    for role in ("target", "other"):
        few = [f"{row[role]} in {row['split']}" for row in rows if row[role] < 20]
        if few:
            what = target if role == "target" else "other"
            found.append(("corpus", f"fewer than 20 {what} clips: {', '.join(few)}"))
    return found


def logged_warnings(folder: str | os.PathLike) -> tuple[list[tuple[str, str, int]], int]:
    """Return rule, message and number of the warnings in the logs of jobs, and how many are more.

    `folder` has one folder per rule. Those of the report itself do not count.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for path in sorted(Path(folder).glob("*/*.log")):
        if path.parent.name != "write_report":
            counts.update((path.parent.name, message) for message in _warnings_in(path))
    rows = [(rule, message, n) for (rule, message), n in counts.items()]
    return rows[:_MOST_LOGGED], max(0, len(rows) - _MOST_LOGGED)


def _warnings_in(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        if match := _WARNING.match(line):
            yield one_line(match[1], 300)


def _of_sound(fetched: pd.DataFrame) -> Iterator[tuple[str, str]]:
    for split, rows in fetched.groupby("split", sort=False):
        total = rows["clips"].sum()
        unusable = rows[~rows["status"].isin(USABLE)]
        if len(unusable):
            by_status = unusable.groupby("status", sort=False)["clips"].sum()
            what = ", ".join(f"{n:,} {status.replace('_', ' ')}" for status, n in by_status.items())
            yield (
                "sound",
                f"{unusable['clips'].sum():,} of {total:,} {split} clips are lost: {what}",
            )
        short = rows.loc[rows["status"] == "short", "clips"].sum()
        if short:
            yield (
                "sound",
                f"{short:,} of {total:,} {split} clips end before their segment does; silence "
                "fills them up",
            )


def _of_clipped(clipped: pd.DataFrame) -> Iterator[tuple[str, str]]:
    for row in clipped[clipped["clipped"] > 0].to_dict("records"):
        yield (
            "sound",
            f"{row['clipped']:,} of {row['clips']:,} {row['split']} clips are clipped (0.1% or "
            f"more of their samples at full scale), most of all {one_line(row['most'], 80)} "
            f"({100 * row['most_share']:.1f}%)",
        )


def _of_networks(config: Mapping, recognition: pd.DataFrame) -> Iterator[tuple[str, str]]:
    failed = recognition[recognition["learnt"] == "no"]
    for condition, rows in failed.groupby("condition", sort=False):
        seeds = sorted(rows["seed"].unique())
        which = ("seeds " if len(seeds) > 1 else "seed ") + ", ".join(map(str, seeds))
        yield (
            "recognition",
            f"{len(seeds)} of {config['networks']['seeds']} networks of {condition} did not learn "
            f"({which})",
        )
    training = recognition[(recognition["clips"] == "training") & (recognition["n_classes"] > 0)]
    for condition, how in config["conditions"].items():
        if how is None or how.get("labels", "given") == "given" or not how.get("epochs"):
            continue
        rows = training[training["condition"] == condition]
        scores = rows.groupby("seed")["mean_average_precision"].mean()
        if len(scores) and scores.min() < MEMORISED:
            yield (
                "recognition",
                f"networks of {condition} have not memorised their labels: mAP on training clips "
                f"from {scores.min():.2f}, and {MEMORISED} counts as memorised; more epochs would "
                "help",
            )


def _named(names: Iterable[str], most: int = 12) -> str:
    names = [one_line(name, 60) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
