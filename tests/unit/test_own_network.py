"""The example notebook runs, and the one in docs is made of the same cells, with its figures."""

import base64
import json
from pathlib import Path

import pytest

from make_notebook import cells, notebook

DOCS = Path(__file__).parents[2] / "docs"
SCRIPT = (DOCS / "own_network.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def kept():
    return json.loads((DOCS / "own-network.ipynb").read_text(encoding="utf-8"))


def shown(made):
    """What the cells show: the kinds of their outputs, cell by cell."""
    return [
        [output.get("name") or sorted(output["data"]) for output in cell.get("outputs", [])]
        for cell in made["cells"]
    ]


def test_it_runs_and_shows_what_the_kept_one_shows(kept):
    made = notebook(SCRIPT)
    assert shown(made) == shown(kept)
    assert made["metadata"] == kept["metadata"] and made["nbformat"] == 4
    (printed,) = [one["outputs"][0]["text"] for one in made["cells"][1:2]]
    assert printed == kept["cells"][1]["outputs"][0]["text"]


def test_the_kept_one_has_the_cells_of_the_script(kept):
    found = [(cell["cell_type"], "".join(cell["source"])) for cell in kept["cells"]]
    assert found == cells(SCRIPT), "run docs/make_notebook.py"
    assert len({cell["id"] for cell in kept["cells"]}) == len(found)


def test_the_kept_one_has_three_figures_and_nothing_of_a_machine(kept):
    images = [
        output["data"]["image/png"]
        for cell in kept["cells"]
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(images) == 3
    assert all(base64.b64decode(image).startswith(b"\x89PNG") for image in images)
    text = (DOCS / "own-network.ipynb").read_text(encoding="utf-8")
    assert "/home/" not in text and "/tmp/" not in text and "Warning" not in text
