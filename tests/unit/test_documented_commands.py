"""Commands in README and docs are said in one way, which works after `make setup`."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "config.yaml",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "config").glob("*.*")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snakemake_is_called_where_make_setup_puts_it(page):
    # Alone, or with a target, it is the name of the program; with an option it is a command.
    called = re.compile(r"^.*(?<![\w/.-])snakemake( +[a-z]+)? +-.*$", re.M)
    lines = [match[0] for match in called.finditer(page.read_text())]
    bare = [line for line in lines if "pgrep" not in line]
    assert not bare


def test_commands_are_found():
    text = "".join(page.read_text() for page in PAGES)
    assert text.count(".venv/bin/snakemake -") > 30
