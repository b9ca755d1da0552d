"""Response to quilts of every target, of the units that are selective for it."""

import os
from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from music_detectors.corpus.targets import target_name
from music_detectors.figures.quilts import draw_responses, role_line
from music_detectors.figures.reading import read_each
from music_detectors.figures.style import INK, LOOK, MM, PAGE, counted, letter, save, shortened
from music_detectors.quilts.tables import read_quilt_responses

_COLUMNS = 4


def plot_quilts_targets(
    tables: Sequence[str | os.PathLike],
    targets: Sequence[str | Sequence[str]],
    condition: str,
    layer: str,
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the responses to quilts in `condition` for each of `targets` from their `tables`.

    Raises InputError, naming the file, for one that cannot be read or has no row.
    """
    read = read_each(tables, [target_name(target) for target in targets], read_quilt_responses)
    most = {name: table[table["group"] == "most"] for name, table in read.items()}
    save(quilts_of_targets(most, condition, layer), svg, png)


@LOOK
def quilts_of_targets(tables: dict[str, pd.DataFrame], condition: str, layer: str) -> Figure:
    """Return the figure: a panel for each target, with its clips and the others."""
    columns = min(len(tables), _COLUMNS)
    rows = -(-len(tables) // columns)
    width = max(PAGE * columns / _COLUMNS, PAGE / 2)
    figure = Figure(figsize=(width, (18 + 52 * rows) * MM))
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat[len(tables) :]:
        axes.set_axis_off()
    for place, (axes, (target, table)) in enumerate(zip(panels.flat, tables.items(), strict=False)):
        draw_responses(axes, table)
        counts = [
            table.loc[table["role"] == role, "n_clips"].iloc[0] for role in ("target", "other")
        ]
        axes.set_title(shortened(target, 22))
        clips = f"{counts[0]:,} target clips, {counts[1]:,} other"
        axes.set_xlabel(f"Segment length (ms)\n{clips}", fontsize=6.5)
        letter(axes, place)
    for axes in panels[:, 0]:
        axes.set_ylabel(f"Mean response of the\nselective units of {layer}\n(activation, a.u.)")
    networks = counted(next(iter(tables.values()))["seed"].nunique(), "network")
    handles = [
        role_line("target"),
        role_line("other"),
        Line2D([], [], color=INK, linewidth=0.6, alpha=0.5),
    ]
    figure.legend(
        handles,
        [f"target, mean of {networks} ({condition})", "other test clips", "one network"],
        loc="outside lower center",
        ncols=3 if columns > 2 else 1,
    )
    return figure
