"""The summary of selectivity over networks."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from music_detectors.acoustics.covariates import read_covariates
from music_detectors.common.damage import damaged
from music_detectors.common.errors import warn
from music_detectors.common.parts import Parts
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.jackknife.blocks import blocks_in, read_blocks
from music_detectors.selectivity.balance import balance, balanced_effects, described
from music_detectors.selectivity.columns import (
    BALANCE,
    CLIP_RESPONSES,
    SELECTIVITY_LEFT_OUT,
    SELECTIVITY_SUMMARY,
    UNITS,
)
from music_detectors.selectivity.effects import auc, hedges_g, moments, response_ratio
from music_detectors.selectivity.partial import AdjustedModel
from music_detectors.selectivity.ranking import of_reported_layer

_ALPHA = 0.05
_MIN_CLIPS = 2
_OF_CLIPS = (
    "test_ratio",
    "response_hedges_g",
    "response_partial_d",
    "test_all_mean_target",
    "test_all_mean_other",
    "test_all_ratio",
    "test_all_common_language",
    "response_balanced_d",
    "test_balanced_ratio",
    "test_all_balanced_common_language",
)


@dataclass(frozen=True)
class Heard:
    """The target and other test clips, and the mean responses (clips, networks) to them."""

    clip_ids: np.ndarray
    target: np.ndarray
    """Which clips (clips,) bool are target clips."""
    selective: np.ndarray
    """Of the selective units."""
    every: np.ndarray
    """Of all units."""

    def only(self, kept: np.ndarray) -> "Heard":
        """Return the clips that are `kept` (clips,) bool."""
        parts = (self.clip_ids, self.target, self.selective, self.every)
        return Heard(*(values[kept] for values in parts))


def summarise_selectivity(
    units: Sequence[str | os.PathLike],
    clip_responses: Sequence[str | os.PathLike],
    acoustics: str | os.PathLike,
    blocks: str | os.PathLike,
    table: str | os.PathLike,
    left_out: str | os.PathLike,
    balance_table: str | os.PathLike,
    *,
    networks: Sequence[tuple[str, int]],
    layer: str,
    target: str,
) -> None:
    """Write one row per network and layer from the tables of each of `networks`.

    `left_out` is written too: effects without each block of clips, for the reported layer; and
    `balance_table`: whether target and other clips differ in length or level. If they do, a warning
    names the `target`. `units` are their units.tsv, and `clip_responses` their clip_responses.tsv,
    which are about `layer` (or a model's own reported layer); `acoustics` is the table of
    covariates of the test clips, and `blocks` the table of their blocks. Raises InputError when a
    table cannot be read or has no target or no other test clip, or when networks have heard
    different test clips.
    """
    heard = read_heard(clip_responses)
    covariates = read_covariates(acoustics, heard.clip_ids.tolist())
    of_clips = compared(heard, covariates, covariates, "test clips")
    balanced = balance(heard.target, covariates)
    differs_in = described(balanced)
    if differs_in:
        warn(
            f"target {target}: target and other test clips differ in {differs_in}; claims about "
            "whole clips then need their effects at equal length and level too"
        )
    rows, reported_layers = [], []
    for place, (path, (condition, seed)) in enumerate(zip(units, networks, strict=True)):
        of_units = read_table(path, UNITS)
        of_reported = of_reported_layer(of_units, layer)
        (reported,) = of_reported["layer"].unique()
        reported_layers.append((reported, bool(of_reported["reported"].iloc[0])))
        for name, in_layer in of_units.groupby("layer", sort=False):
            network = {"condition": condition, "seed": seed, "layer": name}
            network["differs_in"] = differs_in
            own = {column: values[place] for column, values in of_clips.items()}
            of_layer = own if name == reported else dict.fromkeys(own, np.nan)
            rows.append(network | _row(in_layer) | of_layer)
    write_table(balance_table, balanced, BALANCE)
    write_table(table, pd.DataFrame(rows), SELECTIVITY_SUMMARY)
    conditions, seeds = zip(*networks, strict=True)
    layers, reported = zip(*reported_layers, strict=True)
    names = {"condition": conditions, "seed": seeds, "layer": layers, "reported": reported}
    numbers = read_blocks(blocks, heard.clip_ids.tolist())
    # A model that cannot be fitted to all clips is not tried without a block of them.
    fitted, balancing = (
        covariates if np.isfinite(of_clips[name]).any() else None
        for name in ("response_partial_d", "response_balanced_d")
    )
    without = [
        pd.DataFrame(names | {"block": block} | columns)
        for block, columns in without_blocks(heard, fitted, balancing, numbers)
    ]
    write_table(left_out, stacked(without, SELECTIVITY_LEFT_OUT), SELECTIVITY_LEFT_OUT)


def without_blocks(
    heard: Heard,
    covariates: np.ndarray | None,
    balancing: np.ndarray | None,
    blocks: np.ndarray,
) -> Iterator[tuple[int, dict[str, np.ndarray | int]]]:
    """Yield each block of clips, and the columns (networks,) that `compared` returns without it.

    `blocks` (clips,) are those of the clips of `heard`. The numbers of clips left are with them.
    """
    for block in blocks_in(blocks):
        kept = blocks != block
        left = heard.only(kept)
        n_target = int(left.target.sum())
        numbers = {"n_target_test": n_target, "n_other_test": len(left.target) - n_target}
        of_left, balanced = (
            None if values is None else values[kept] for values in (covariates, balancing)
        )
        name = f"test clips without block {block}"
        yield block, numbers | compared(left, of_left, balanced, name)


def read_heard(clip_responses: Sequence[str | os.PathLike]) -> Heard:
    """Return the responses in the tables `clip_responses`, one of each network.

    Raises InputError, naming the table, when it cannot be read, has no target or no other test
    clip, or is about other test clips than the first.
    """
    columns = ("clip_id", "split", "role", "response", "all_units")
    tables: list[pd.DataFrame] = []
    for path in clip_responses:
        table = read_table(path, CLIP_RESPONSES, only=columns)
        table = table[(table["split"] == "test") & (table["role"] != "mixed")]
        if table["role"].nunique() < 2:
            raise damaged(path, "table", "has no target or no other test clip")
        table = table.set_index("clip_id")[["role", "response", "all_units"]]
        if tables:
            first = tables[0]
            if set(table.index) != set(first.index):
                why = f"its test clips are not those of {clip_responses[0]}"
                raise damaged(path, "table", why)
            table = table.loc[first.index]
        tables.append(table)
    selective, every = (
        np.column_stack([table[name].to_numpy() for table in tables])
        for name in ("response", "all_units")
    )
    first = tables[0]
    is_target = (first["role"] == "target").to_numpy()
    return Heard(first.index.to_numpy(dtype=object), is_target, selective, every)


def compared(
    heard: Heard, covariates: np.ndarray | None, balancing: np.ndarray | None, name: str
) -> dict[str, np.ndarray]:
    """Return the columns of the summary (networks,) that compare the responses to clips.

    `covariates` are (clips, k), or None for no adjusted effect; `balancing` are the same, or None
    for no effect at equal length and level; `name` describes the clips in the log. What needs more
    clips than there are is NaN.
    """
    target, other = heard.selective[heard.target], heard.selective[~heard.target]
    every = heard.every[heard.target], heard.every[~heard.target]
    missing = np.full(target.shape[1], np.nan)
    fewest = min(len(target), len(other))
    if not fewest:
        return dict.fromkeys(_OF_CLIPS, missing)
    effect, adjusted = missing, {"partial_d": missing}
    if fewest >= _MIN_CLIPS:
        effect = hedges_g(moments(target), moments(other))
    if covariates is not None:
        # The effect, unlike its standard error, does not depend on the clips' groups.
        alone = Parts(np.arange(len(heard.target)), heard.target)
        adjusted = AdjustedModel(alone, covariates, name).effects(heard.selective)
    balanced = {column: missing for column in _OF_CLIPS if "balanced" in column}
    if balancing is not None:
        balanced = balanced_effects(heard.target, balancing, heard.selective, heard.every, name)
    return {
        "test_ratio": _ratios(target, other),
        "response_hedges_g": effect,
        "response_partial_d": adjusted["partial_d"],
        "test_all_mean_target": every[0].mean(axis=0),
        "test_all_mean_other": every[1].mean(axis=0),
        "test_all_ratio": _ratios(*every),
        "test_all_common_language": auc(*every),
        **balanced,
    }


def _ratios(target: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the response ratio of each network, from responses (clips, networks)."""
    return np.array([response_ratio(*pair) for pair in zip(target.T, other.T, strict=True)])


def _row(units: pd.DataFrame) -> dict[str, float | int]:
    selective = units[units["selective"]]
    averaged = [
        name for name in SELECTIVITY_SUMMARY if name in UNITS and SELECTIVITY_SUMMARY[name] is float
    ]
    return {
        "reported": bool(units["reported"].iloc[0]),
        "n_units": len(units),
        "n_selective": len(selective),
        "n_significant_fdr": int((units["p_fdr"] < _ALPHA).sum()),
        "n_significant_permutation": int((units["p_permutation"] < _ALPHA).sum()),
        "n_target_test": int(units["test_n_target"].iloc[0]),
        "n_other_test": int(units["test_n_other"].iloc[0]),
        # A missing or infinite statistic of one unit is not left out of the mean.
        **selective[averaged].mean(skipna=False),
    }
