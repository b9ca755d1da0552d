"""Make a notebook from a script in cells: its cells are run, and what they show is kept.

    .venv/bin/python docs/make_notebook.py docs/own_network.py docs/own-network.ipynb

A line `# %%` begins a cell of code, and `# %% [markdown]` one of text, in comments. What is kept of
a cell of code is what it prints, and its figures or else the value of its last line. The format is
version 4.5 of https://nbformat.readthedocs.io. Jupyter is not needed.
"""

import ast
import base64
import contextlib
import io
import json
import re
import sys
from pathlib import Path

import matplotlib

_CELL = re.compile(r"^# %%( \[markdown\])?\n", re.M)


def cells(script: str) -> list[tuple[str, str]]:
    """Return the kind (code or markdown) and the text of each cell of `script`."""
    _, *parts = _CELL.split(script)
    found = []
    for marked, text in zip(parts[::2], parts[1::2], strict=True):
        if marked:
            lines = [line.removeprefix("#").removeprefix(" ") for line in text.splitlines()]
            found.append(("markdown", "\n".join(lines).strip()))
        else:
            found.append(("code", text.strip()))
    return found


def notebook(script: str) -> dict:
    """Return the notebook of `script`, whose cells of code are run here, one after the other."""
    matplotlib.use("agg")
    names: dict[str, object] = {"__name__": "__main__"}
    made = []
    for place, (kind, text) in enumerate(cells(script)):
        cell = {
            "cell_type": kind,
            "id": f"cell-{place}",
            "metadata": {},
            "source": text.splitlines(keepends=True),
        }
        if kind == "code":
            cell |= {"execution_count": place, "outputs": _outputs(text, names, place)}
        made.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": made,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _outputs(code: str, names: dict[str, object], place: int) -> list[dict]:
    """Run `code` in `names`, and return what it shows."""
    from matplotlib import pyplot as plt

    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    value = None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"cell {place}", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"cell {place}", "eval"), names)
    outputs: list[dict] = []
    if printed.getvalue():
        lines = printed.getvalue().splitlines(keepends=True)
        outputs.append({"output_type": "stream", "name": "stdout", "text": lines})
    figures = plt.get_fignums()
    if value is not None and not figures:
        data = {"text/plain": repr(value).splitlines(keepends=True)}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = value._repr_html_().splitlines(keepends=True)
        shown = {"output_type": "execute_result", "execution_count": place}
        outputs.append({**shown, "metadata": {}, "data": data})
    for number in figures:
        figure, image = plt.figure(number), io.BytesIO()
        figure.savefig(image, format="png", dpi=80, metadata={"Software": None})
        plt.close(figure)
        encoded = base64.b64encode(image.getvalue()).decode()
        outputs.append(
            {"output_type": "display_data", "metadata": {}, "data": {"image/png": encoded}}
        )
    return outputs


def main(script: str, output: str) -> None:
    """Write the notebook of the file `script` to `output`."""
    content = json.dumps(notebook(Path(script).read_text(encoding="utf-8")), indent=1)
    Path(output).write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "workflow_scripts"))
    main(*sys.argv[1:])
