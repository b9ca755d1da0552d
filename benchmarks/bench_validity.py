"""How often intervals and verdicts are wrong, and how often a claim that holds is supported.

    PYTHONPATH=workflow_scripts .venv/bin/python benchmarks/bench_validity.py

prints the tables; with --write, it puts them and the figures into docs/validity.md. Everything is
simulated, and judged by the workflow's own functions. It takes some twelve minutes of two cores.
"""

import argparse
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from matplotlib.figure import Figure
from validity import (
    Sounds,
    Tail,
    coverage,
    g_of,
    precision_of,
    supported_though_at_the_limit,
    tail,
    verdicts,
    verdicts_by_draws,
    wrong,
)
from validity_classes import Judged, judged, shares

from music_detectors.claims.columns import CLAIMS, PRESENT, SUPPORTED
from music_detectors.claims.statements import TITLES
from music_detectors.claims.study import Study
from music_detectors.figures.style import FAINT, INK, LOOK, MM, PAGE
from music_detectors.plan.parts import EACH, Planned, planned_parts

ROOT = Path(__file__).resolve().parents[1]
PAGE_FILE = ROOT / "docs" / "validity.md"
FIGURES = ROOT / "docs" / "validity"
NETWORKS = (5, 10, 20)
GENRES = tuple(f"genre {k}" for k in range(1, 11))
ALPHA = 0.05
_STATISTICS = {"Hedges g": g_of, "average precision": precision_of}
SOUNDS = {
    "independent clips": Sounds(),
    "few target clips": Sounds(target=20),
    "8 clips a group, correlation 0.5": Sounds(10, 30, clips=8, shared=0.5),
    "20 and 60 groups of unequal size, correlation 0.5": Sounds(20, 60, 4, True, 0.5),
    "sparse responses": Sounds(sparse=True),
    "sparse responses, unequal groups": Sounds(20, 60, 4, True, 0.5, True),
    "10 and 30 classes of 8 clips, correlation 0.1": Sounds(groups_of_class=8, shared_by_class=0.1),
    "10 and 30 classes of 8 groups of 4 clips, correlations 0.1 and 0.3": Sounds(
        clips=4, shared=0.3, groups_of_class=8, shared_by_class=0.1
    ),
}
"""Names for the rows of the table, and how their clips come about."""
CLIPS_A_GENRE = (8, 20, 60)


class Table(NamedTuple):
    """A table of docs/validity.md: its name in the page, its header and its rows."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def study() -> tuple[Study, list[Planned]]:
    """Return the study of the presets, in which every condition is run, and its needed parts.

    Target and other clips do not differ in length or level.
    """
    claims = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["claims"]
    of = Study(
        condition=claims["condition"],
        **claims["compared"],
        fixed=["gabor", "pca"],
        target="Music",
        further=["Speech", "Animal", "Vehicle", "Water"],
        fraction=0.125,
        smallest_effects=claims["smallest_effects"],
    )
    run = {name for names in claims["compared"].values() for name in names}
    return of, [
        part
        for part in planned_parts(of, GENRES, run)
        if not part.only_if
        for _ in range(_NUMBERS[part.claim] if part.part.startswith(EACH) else 1)
    ]


_NUMBERS = {"probe": 11, "generalisation": 2}
"""The numbers of those parts that a plan lists as one: eleven categories, as of the 165 sounds of
the study, and two lengths."""


def coverages(runs: int, workers: ProcessPoolExecutor) -> tuple[list[Table], Figure]:
    """Return the table of the coverage of 95 % intervals, and its figure."""
    wanted = [(name, "Hedges g", k) for name in SOUNDS for k in NETWORKS]
    wanted += [("independent clips", "average precision", k) for k in NETWORKS]
    wanted += [("8 clips a group, correlation 0.5", "average precision", k) for k in NETWORKS]
    found = dict(zip(wanted, workers.map(_coverage, wanted, [runs] * len(wanted)), strict=True))
    rows = []
    for name, statistic, k in wanted:
        of = found[name, statistic, k]
        shown = (f"{100 * of[draws]:.1f}" if draws in of else "" for draws in _DRAWS)
        rows.append([statistic, name, str(k), *shown])
    header = ["estimate", "test clips", "networks", *(f"{words}, %" for words in _DRAWS.values())]
    return [Table("coverage", header, rows)], coverage_figure(found)


def tails(runs: int, workers: ProcessPoolExecutor) -> tuple[list[Table], None]:
    """Return the table of how often the ends of intervals err far out in the tails."""
    wanted = [(k, share, p) for k in NETWORKS for share in _SHARES for p in _LEVELS]
    found = dict(zip(wanted, workers.map(_tail, wanted, [runs] * len(wanted)), strict=True))
    rows = [
        [str(k), f"{100 * share:.0f}"]
        + [f"{getattr(found[k, share, p], of):.2f}" for p in _LEVELS for of in _OF_TAILS]
        for k in NETWORKS
        for share in _SHARES
    ]
    header = ["networks", "share of the networks in the variance, %"]
    header += [f"{words}, p = {p:.2g}" for p in _LEVELS for words in _OF_TAILS.values()]
    return [Table("tails", header, rows)], None


_SHARES = (0.02, 0.2, 0.5, 0.8, 0.98)
_LEVELS = (ALPHA / 2, ALPHA / 2 / 15, ALPHA / 2 / 15 / 12)
"""The probability of an end of an uncorrected interval, of the lower one of the first claim, and
of the upper one of a claim of twelve parts."""
_OF_TAILS = {"end": "errs", "one_t": "one t errs", "wider": "width"}


def _tail(wanted: tuple[int, float, float], runs: int) -> Tail:
    return tail(*wanted, runs=runs)


_DRAWS = {
    "networks": "over networks alone",
    "clips": "crossed, clips as draws",
    "groups": "crossed, groups as draws",
    "classes": "crossed, classes as draws",
}


def _coverage(wanted: tuple[str, str, int], runs: int) -> dict[str, float]:
    name, statistic, networks = wanted
    return coverage(
        _STATISTICS[statistic], SOUNDS[name], networks, effect=0.8, runs=runs, seed=networks
    )


def errors(runs: int, workers: ProcessPoolExecutor) -> tuple[list[Table], Figure]:
    """Return the tables of wrong verdicts and of verdicts by claim, and the figure of these."""
    wanted = [(which, k) for which in ("none", "smallest", "assumed") for k in NETWORKS]
    found = dict(zip(wanted, workers.map(_verdicts, wanted, [runs] * len(wanted)), strict=True))
    rows = []
    for which, said in _EFFECTS.items():
        for k in NETWORKS:
            of = wrong(found[which, k], which)
            rows.append([said, str(k), *(f"{100 * of[key]:.1f}" for key in _WRONG)])
    header = ["effects", "networks", *(f"{words}, %" for words in _WRONG.values())]
    family = Table("errors", header, rows)
    shares = {
        (claim, which, k): tuple(
            float(np.mean([run[claim] in of for run in found[which, k]]))
            for of in ((SUPPORTED,), (SUPPORTED, PRESENT))
        )
        for claim in CLAIMS
        for which, k in wanted
        if claim in found[which, k][0]
    }
    rows = [
        [TITLES[claim]]
        + ["{:.2f} ({:.2f})".format(*shares[claim, which, k]) for which, k in wanted]
        for claim in CLAIMS
        if (claim, "none", 5) in shares
    ]
    names = {"none": "no effect", "smallest": "smallest", "assumed": "assumed"}
    header = ["claim", *(f"{names[which]}, {k}" for which, k in wanted)]
    return [family, Table("claims", header, rows)], claims_figure(shares)


_EFFECTS = {"none": "none of any part", "smallest": "exactly the smallest of every part"}
_WRONG = {"claimed": "wrongly supported or present", "denied": "wrongly not supported"}


def _verdicts(wanted: tuple[str, int], runs: int) -> list[dict[str, str]]:
    which, networks = wanted
    parts = study()[1]
    groups = groups_of(parts, 60)
    return verdicts(parts, which, networks, groups, alpha=ALPHA, runs=runs, seed=networks)


def clustered(runs: int, workers: ProcessPoolExecutor) -> tuple[list[Table], None]:
    """Return the table of wrong verdicts where clips cluster by class, by what is one draw."""
    kinds = ("groups", "classes")
    wanted = [(which, k, draws) for which in _EFFECTS for k in NETWORKS for draws in kinds]
    found = dict(zip(wanted, workers.map(_clustered, wanted, [runs] * len(wanted)), strict=True))
    rows = [
        [
            _EFFECTS[which],
            str(k),
            *(f"{100 * found[which, k, draws][key]:.1f}" for key in _WRONG for draws in kinds),
        ]
        for which in _EFFECTS
        for k in NETWORKS
    ]
    header = ["effects", "networks"]
    header += [f"{words}: {draws}, %" for words in _WRONG.values() for draws in kinds]
    return [Table("clustered", header, rows)], None


def _clustered(wanted: tuple[str, int, str], runs: int) -> dict[str, float]:
    which, k, draws = wanted
    sounds = SOUNDS["10 and 30 classes of 8 clips, correlation 0.1"]
    effect = 0.8 if which == "smallest" else 0.0
    found = verdicts_by_draws(sounds, k, draws, effect=effect, alpha=ALPHA, runs=runs, seed=k)
    return wrong(found, which)


def classes(runs: int, workers: ProcessPoolExecutor) -> tuple[list[Table], None]:
    """Return the table of what is found where units prefer any classes, or those of the target."""
    wanted = [(in_common, k) for in_common in _IN_COMMON for k in (5, 10)]
    found = dict(zip(wanted, workers.map(_judged, wanted, [runs] * len(wanted)), strict=True))
    rows = [
        [
            _IN_COMMON[in_common],
            str(k),
            *(f"{np.mean([run[place] for run in found[in_common, k]]):.2f}" for place in (0, 1)),
            "{:.2f} ({:.2f})".format(*shares(found[in_common, k], "held-out classes")),
            f"{shares(found[in_common, k], 'over random classes')[0]:.2f}",
            f"{_both(found[in_common, k]):.2f}",
        ]
        for in_common, k in wanted
    ]
    header = ["units", "networks", "g", "g on held-out classes"]
    header += ["`held-out classes`", "`over random classes`", "both, supported or present"]
    return [Table("classes", header, rows)], None


_IN_COMMON = {
    0.0: "prefer any classes",
    0.5: "and a fifth of them all classes of the target, by 0.5 SD",
}


def _both(found: Sequence[Judged]) -> float:
    """Return the share of runs in which neither part stands in the claim's way."""
    return float(np.mean([{*run.verdicts.values()} <= {SUPPORTED, PRESENT} for run in found]))


def _judged(wanted: tuple[float, int], runs: int) -> list[Judged]:
    in_common, k = wanted
    of = dataclasses.replace(study()[0], controls=[])
    rng = np.random.default_rng(k)
    return [judged(of, k, in_common, alpha=ALPHA, rng=rng) for _ in range(runs)]


def groups_of(parts: Sequence[Planned], clips: int) -> list[tuple[int, int]]:
    """Return the groups of each part with `clips` test clips of a genre, each a group of its own:
    ten genres, and three times as many other clips as target clips."""
    target, other = len(GENRES) * clips, 3 * len(GENRES) * clips
    return [(clips if part.part in GENRES else target, other) for part in parts]


def skew(runs: int, workers: ProcessPoolExecutor) -> tuple[list[Table], None]:
    """Return the table of claims supported at exactly their smallest effect, by the networks."""
    kinds = ("normal", "exponential", "lognormal")
    wanted = [(kind, k, above) for kind in kinds for k in NETWORKS for above in (0.0, 2.0)]
    found = dict(zip(wanted, workers.map(_skewed, wanted, [runs] * len(wanted)), strict=True))
    rows = [
        [kind, str(k), *(f"{100 * found[kind, k, above]:.2f}" for above in (0.0, 2.0))]
        for kind in kinds
        for k in NETWORKS
    ]
    header = ["networks' distribution", "networks", "at the smallest effect, %", "two SD above, %"]
    return [Table("skew", header, rows)], None


def _skewed(wanted: tuple[str, int, float], runs: int) -> float:
    kind, networks, above = wanted
    return supported_though_at_the_limit(
        kind, networks, alpha=ALPHA, runs=runs, seed=networks, above=above
    )


def power(runs: int, workers: ProcessPoolExecutor) -> tuple[list[Table], None]:
    """Return the planned power by networks and test clips of a genre."""
    wanted = [(k, clips) for k in NETWORKS for clips in CLIPS_A_GENRE]
    found = dict(zip(wanted, workers.map(_power, wanted, [runs] * len(wanted)), strict=True))
    rows = [[str(k), str(clips), *found[k, clips]] for k, clips in wanted]
    header = ["networks", "test clips of a genre", "In every genre", "Selective units"]
    header += ["claims, of 15", "all of them at once"]
    return [Table("power", header, rows)], None


def _power(wanted: tuple[int, int], runs: int) -> list[str]:
    networks, clips = wanted
    parts = study()[1]
    found = verdicts(
        parts,
        "assumed",
        networks,
        groups_of(parts, clips),
        alpha=ALPHA,
        runs=runs,
        seed=100 * networks + clips,
    )
    there = [{claim: run[claim] in (SUPPORTED, PRESENT) for claim in run} for run in found]
    supported = [{claim: run[claim] == SUPPORTED for claim in run} for run in found]
    return [
        *(
            f"{np.mean([run[claim] for run in supported]):.2f} "
            f"({np.mean([run[claim] for run in there]):.2f})"
            for claim in ("genres", "selective")
        ),
        f"{np.mean([sum(run.values()) for run in supported]):.1f} "
        f"({np.mean([sum(run.values()) for run in there]):.1f})",
        f"{np.mean([all(run.values()) for run in there]):.2f}",
    ]


@LOOK
def coverage_figure(found: Mapping) -> Figure:
    """Return the figure of the coverage: one row for each kind of clips and number of networks."""
    figure = Figure(figsize=(PAGE, 98 * MM))
    axes = figure.add_subplot()
    rows = [key for key in found if key[1] == "Hedges g"]
    looks = {"networks": ("o", "#D55E00"), "clips": ("s", "#E69F00"), "groups": ("D", "#0072B2")}
    looks |= {"classes": ("^", "#009E73")}
    places = np.arange(len(rows))
    for draws, (marker, colour) in looks.items():
        values = [100 * found[key].get(draws, np.nan) for key in rows]
        axes.plot(values, places, marker, color=colour, markersize=4, label=_DRAWS[draws])
    axes.axvline(95, color=INK, linewidth=0.8)
    axes.set_yticks(
        np.arange(len(rows)), [f"{name}, {k} networks" for name, _, k in rows], fontsize=6
    )
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("runs whose 95 % interval holds the truth, %")
    figure.legend(loc="outside upper center", ncols=4)
    return figure


@LOOK
def claims_figure(shares: Mapping) -> Figure:
    """Return the figure of the verdicts: a panel for each number of networks."""
    figure = Figure(figsize=(PAGE, 90 * MM))
    claims = [claim for claim in CLAIMS if (claim, "none", 5) in shares]
    panels = figure.subplots(1, len(NETWORKS), sharey=True)
    looks = {"none": FAINT, "smallest": "#E69F00", "assumed": "#0072B2"}
    names = {"none": "no effect", "smallest": "smallest effect", "assumed": "assumed effect"}
    for axes, k in zip(panels, NETWORKS, strict=True):
        for place, (which, colour) in enumerate(looks.items()):
            y = np.arange(len(claims)) + 0.25 * (place - 1)
            supported, there = np.array([shares[claim, which, k] for claim in claims]).T
            label = names[which] if k == NETWORKS[0] else None
            axes.barh(y, there, 0.22, color=colour, alpha=0.35, linewidth=0)
            axes.barh(y, supported, 0.22, color=colour, label=label, linewidth=0)
        axes.set_title(f"{k} networks")
        axes.set_xlim(0, 1)
        axes.set_xlabel("share of runs")
    panels[0].set_yticks(np.arange(len(claims)), [TITLES[claim] for claim in claims], fontsize=6)
    panels[0].set_ylim(len(claims) - 0.4, -0.6)
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def written(text: str, tables: Iterable[Table]) -> str:
    """Return the page `text` with new rows in its tables."""
    for table in tables:
        lines = [f"| {' | '.join(table.header)} |", "|" + "---|" * len(table.header)]
        lines += [f"| {' | '.join(row)} |" for row in table.rows]
        text, n = re.subn(
            rf"(<!-- bench_validity.py writes this table: {table.name} -->\n\n)(?:\|.*\n)*",
            lambda match, lines=lines: match[1] + "\n".join(lines) + "\n",
            text,
        )
        assert n == 1, table.name
    return text


SIMULATIONS = {
    "tails": (200_000, tails),
    "coverage": (300, coverages),
    "errors": (300, errors),
    "clustered": (200, clustered),
    "classes": (100, classes),
    "skew": (2000, skew),
    "power": (100, power),
}
"""Names of the simulations, how many runs each has, and the functions."""


def main() -> None:
    """Print the tables, and with --write put them and the figures into docs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", metavar="NAME", help=f"of {', '.join(SIMULATIONS)}")
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of runs")
    parser.add_argument("--write", action="store_true", help="write docs/validity.md and figures")
    asked = parser.parse_args()
    with ProcessPoolExecutor(2) as workers:
        for name in asked.only or SIMULATIONS:
            usual, simulate = SIMULATIONS[name]
            tables, figure = simulate(max(round(asked.share * usual), 2), workers)
            for table in tables:
                lines = ("\t".join(row) for row in (table.header, *table.rows))
                print(f"\n{table.name}\n" + "\n".join(lines), flush=True)
            if asked.write:
                _write(name, tables, figure)


def _write(name: str, tables: Sequence[Table], figure: Figure | None) -> None:
    FIGURES.mkdir(exist_ok=True)
    if figure is not None:
        figure.savefig(FIGURES / f"{name}.png", dpi=150)
    text = written(PAGE_FILE.read_text(encoding="utf-8"), tables)
    PAGE_FILE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
