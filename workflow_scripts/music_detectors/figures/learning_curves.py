"""Learning curves: training loss and validation average precision by epoch."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.figures.style import (
    FAINT,
    LOOK,
    MM,
    PAGE,
    by_condition,
    condition_colours,
    condition_markers,
    counted,
    letter,
    logarithmic,
    save,
    spread,
)
from music_detectors.training.columns import HISTORY


def plot_learning_curves(
    histories: Sequence[str | os.PathLike],
    networks: Sequence[Sequence],
    kept_last: Sequence[str],
    svg: str | os.PathLike,
    png: str | os.PathLike,
) -> None:
    """Draw the learning curves of `networks` ([condition, seed] each) from their `histories`.

    Networks of the conditions `kept_last` are kept as they are after the last epoch, others as
    after the best. Raises InputError, naming the file, for a history that cannot be read or has no
    epoch.
    """
    tables = []
    for path in histories:
        table = read_table(path, HISTORY)
        if table.empty:
            raise damaged(path, "table", "holds no epoch")
        tables.append(table.sort_values("epoch"))
    save(learning_curves(by_condition(networks, tables), kept_last), svg, png)


@LOOK
def learning_curves(
    histories: dict[str, list[pd.DataFrame]], kept_last: Sequence[str] = ()
) -> Figure:
    """Return the figure of the `histories` of each condition, one history per network."""
    colours, markers = condition_colours(list(histories)), condition_markers(list(histories))
    figure = Figure(figsize=(PAGE, 70 * MM))
    loss, precision = figure.subplots(1, 2)
    for condition, tables in histories.items():
        trained = [table for table in tables if table["epoch"].max() > 0]
        _draw_curves(loss, trained, "loss", colours[condition])
        _draw_curves(precision, trained, "validation_map", colours[condition])
        for table in trained:
            kept = kept_epoch(table, last=condition in kept_last)
            if kept is None:
                continue
            _draw_dots(precision, kept[:1], kept[1:], colours[condition], markers[condition])
        untrained = [table for table in tables if table["epoch"].max() == 0]
        _draw_untrained(precision, untrained, colours[condition], markers[condition])
    loss.set_ylabel("Training loss\n(mean binary cross-entropy, nats)")
    logarithmic(loss)
    precision.set_ylabel("Validation mAP\n(mean over classes)")
    precision.set_ylim(bottom=0)
    first = min(table["epoch"].min() for tables in histories.values() for table in tables)
    for place, axes in enumerate((loss, precision)):
        axes.set_xlabel("Epoch")
        axes.set_xlim(left=first - 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        letter(axes, place)
    handles = [
        Line2D([], [], color=colours[condition], marker=markers[condition], markersize=3.5)
        for condition in histories
    ]
    labels = [
        f"{condition} ({counted(len(tables), 'network')})"
        for condition, tables in histories.items()
    ]
    if max(map(len, histories.values())) > 1:
        handles += [Line2D([], [], color=FAINT, linewidth=width) for width in (0.6, 1.8)]
        labels += ["one network", "mean of a condition"]
    handles.append(Line2D([], [], color=FAINT, linewidth=0, marker="o", markersize=3.5))
    labels.append("epoch kept")
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


def kept_epoch(history: pd.DataFrame, *, last: bool) -> tuple[float, float] | None:
    """Return the epoch whose weights were kept and its validation mAP; None without validation.

    It is the last epoch or the one with the highest validation mAP.
    """
    if history["validation_map"].isna().all():
        return None
    kept = history.iloc[-1] if last else history.loc[history["validation_map"].idxmax()]
    return float(kept["epoch"]), float(kept["validation_map"])


def mean_by_epoch(histories: list[pd.DataFrame], column: str) -> pd.Series:
    """Return the mean of `column` over networks, by epoch."""
    return pd.concat(histories).groupby("epoch")[column].mean()


def _draw_curves(axes: Axes, tables: list[pd.DataFrame], column: str, colour: str) -> None:
    """Draw `column` by epoch: thin lines for networks, and a thick one for the mean of several."""
    thin = len(tables) > 1
    for table in tables:
        axes.plot(
            table["epoch"],
            table[column],
            color=colour,
            linewidth=0.6 if thin else 1.8,
            alpha=0.55 if thin else 1.0,
        )
    if thin:
        mean = mean_by_epoch(tables, column)
        axes.plot(mean.index, mean, color=colour, linewidth=1.8)


def _draw_untrained(axes: Axes, tables: list[pd.DataFrame], colour: str, marker: str) -> None:
    """Draw untrained networks at epoch 0, and a horizontal line at their mean."""
    values = [float(table["validation_map"].iloc[0]) for table in tables]
    if np.isfinite(values).any():
        _draw_dots(axes, spread(len(values), 0.5).tolist(), values, colour, marker)
        axes.axhline(float(np.nanmean(values)), color=colour, linewidth=0.8, linestyle=(0, (4, 3)))


def _draw_dots(axes: Axes, x: Sequence, y: Sequence, colour: str, marker: str) -> None:
    axes.plot(
        x,
        y,
        marker,
        color=colour,
        markersize=4,
        markeredgecolor="white",
        markeredgewidth=0.5,
        zorder=3,
    )
