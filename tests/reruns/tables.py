"""The tables of docs/reruns.md, as the tests read them."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache

from reruns.plans import Job
from workflow.snake import ROOT

SCRIPTS = ROOT / "workflow_scripts"
FIGURES = SCRIPTS / "music_detectors" / "figures"
STIMULI = SCRIPTS / "music_detectors" / "stimuli"
PLAYED = " (played)"
"""Stands after the rules whose jobs have their own row for the stimuli that are played."""
OF_STIMULI = ("compute_spectrograms", "index_spectrograms")
# The digest of each rule is of its script; figures share one and add their own module, and so do
# the spectrograms of stimuli.
CODE = {path.stem: [path] for path in SCRIPTS.glob("*.py") if path.stem != "plot_figure"} | {
    f"plot_{path.stem}": [SCRIPTS / "plot_figure.py", path]
    for path in FIGURES.glob("*.py")
    if path.stem not in ("__init__", "style")
}
RULES = sorted(CODE)
CODE |= {name + PLAYED: [*CODE[name]] for name in OF_STIMULI}
CODE["compute_spectrograms"] += [STIMULI / "original.py"]
CODE["compute_spectrograms" + PLAYED] += [STIMULI / "intact.py", STIMULI / "quilt.py"]
PLOTS = [name for name in RULES if name.startswith("plot_")]

_RULE = re.compile(r"`(\w+(?:\*|\b))`( \(played\))?")


def label(job: Job) -> str:
    """Return the name under which the tables have `job`."""
    return labelled(job.rule, original="stimulus=original" in job.wildcards)


def labelled(rule: str, *, original: bool) -> str:
    """Return the name under which the tables have jobs of `rule` for the stimulus `original`."""
    return rule + PLAYED if rule in OF_STIMULI and not original else rule


def labels(rule: str) -> list[str]:
    """Return the names under which the tables have the jobs of `rule`."""
    return [rule, rule + PLAYED] if rule in OF_STIMULI else [rule]


@cache
def followers() -> dict[str, set[str]]:
    """Return what follows each rule at once."""
    found = {}
    for first, second in table("What follows a rule"):
        for name in named(first):
            assert name not in found, f"two rows for {name}"
            found[name] = set(named(second))
    return found


def with_followers(first: Iterable[str]) -> set[str]:
    """Return `first` and all that follows, down to the report."""
    found, waiting = set(), [*first]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(followers()[name])
    return found


def row_of(heading: str, name: str) -> tuple[str, str]:
    """Return the row for `name`: its own, or else that of a pattern it fits."""
    exact, by_pattern = [], []
    for row in table(heading):
        names = re.findall(r"`([^`]+)`", row[0])
        if name in names:
            exact.append(row)
        elif any("*" in other and fnmatchcase(name, other) for other in names):
            by_pattern.append(row)
    found = exact or by_pattern
    assert len(found) == 1, f"docs/reruns.md, {heading}: {len(found)} rows for {name}"
    return found[0]


def first_of(heading: str, name: str) -> list[str]:
    """Return the rules that the row for `name` names."""
    return named(row_of(heading, name)[1])


def named(cell: str) -> list[str]:
    """Return the rules that `cell` names; those of played stimuli have names of their own."""
    found = []
    for name, played in _RULE.findall(cell):
        if name == "plot_*":
            found += PLOTS
        else:
            assert name in RULES, f"docs/reruns.md names {name}, which is no rule"
            found.append(name + played)
    assert found or cell.startswith("nothing"), cell
    return found


@cache
def table(heading: str) -> list[tuple[str, str]]:
    """Return the rows of the first table under `heading`, two cells each."""
    text = (ROOT / "docs" / "reruns.md").read_text(encoding="utf-8")
    (part,) = re.findall(rf"^## {re.escape(heading)}$(.*?)(?=^#|\Z)", text, re.M | re.S)
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", part, re.M)
    assert len(rows) > 3, heading
    return rows[1:]
