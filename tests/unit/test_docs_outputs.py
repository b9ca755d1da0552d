"""docs/outputs.md says what the contracts say."""

from pathlib import Path

import outputs

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_up_to_date():
    assert (DOCS / "outputs.md").read_text() == outputs.page(), "run `make docs`"


def test_every_file_has_a_section():
    headings = (DOCS / "outputs.md").read_text().count("\n### ")
    assert headings == len(outputs.tables()) + len(outputs.OTHERS)
