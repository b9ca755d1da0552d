"""The tables of docs/reruns.md: `python -m reruns.page`, or `make docs`, writes them there."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from reruns.tables import KEYS, LAST, PLOTS, first_of, followers, importers, with_followers
from workflow.snake import ROOT

PAGE = ROOT / "docs" / "reruns.md"
OF_ITS_NAME = "the `plot_*` of its name"


def page() -> str:
    """Return the page with new tables."""
    text = PAGE.read_text(encoding="utf-8")
    tables = {"rules": _rules(), "keys": _keys(), "modules": _modules()}
    for name, rows in tables.items():
        table = "".join(f"| {first} | {second} |\n" for first, second in rows)
        text, found = re.subn(
            rf"(<!-- `make docs` writes this table: {name} -->\n\n.*?\n\|---\|---\|\n)(?:\|.*\n)*",
            lambda match, table=table: match[1] + table,
            text,
        )
        assert found == 1, name
    return text


def _rules() -> list[tuple[str, str]]:
    following = {rule: found - {LAST} for rule, found in followers().items() if rule != LAST}
    rows = [
        (_named([rule]), _named(following[rule]) or "nothing")
        for rule in _in_order(following)
        if rule not in PLOTS or following[rule] != {"write_report"}
    ]
    last = [row for row in rows if row[1] == "nothing"]
    return [
        *(row for row in rows if row not in last),
        ("every other `plot_*`", "`write_report`"),
        *last,
    ]


def _keys() -> list[tuple[str, str]]:
    return [
        (", ".join(f"`{key}`" for key in row.keys), _listed(row.first) + row.note) for row in KEYS
    ]


def _modules() -> list[tuple[str, str]]:
    """Return one row per set of rules; `package/*` are the modules without another row."""
    second_of = {module: _second(module, rules) for module, rules in importers().items()}
    in_package = defaultdict(Counter)
    for module, second in second_of.items():
        in_package[module.rpartition("/")[0]][second] += 1
    rows = defaultdict(list)
    for module, second in sorted(second_of.items()):
        package = module.rpartition("/")[0]
        usual, count = in_package[package].most_common(1)[0]
        name = f"{package}/*" if second == usual and count > 1 and package else module
        if name not in rows[second]:
            rows[second].append(name)
    return [(", ".join(f"`{name}`" for name in names), second) for second, names in rows.items()]


def _second(module: str, rules: set[str]) -> str:
    if not rules:
        return "nothing"
    if rules == {"plot_" + module.rpartition("/")[2]}:
        return OF_ITS_NAME
    return _named(first_of(rules))


def _named(rules: Iterable[str]) -> str:
    rules = set(rules)
    if rules >= set(PLOTS):
        return ", ".join(filter(None, [_named(rules - set(PLOTS)), "every `plot_*`"]))
    return _listed(_in_order(rules))


def _listed(rules: Iterable[str]) -> str:
    parts = [rule.partition(" ") for rule in rules]
    return ", ".join(f"`{name}`{space}{rest}" for name, space, rest in parts)


def _in_order(rules: Iterable[str]) -> list[str]:
    """Return `rules` in the order of a run."""
    return sorted(rules, key=lambda rule: (-len(with_followers([rule], True)), rule))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written  {PAGE.relative_to(ROOT)}")
