"""The profile of the selective units over a probe set, and what is derived from it."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError, one_line
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.jackknife.blocks import blocks_in, of_sounds
from music_detectors.probes.columns import REFERENCES, SOUNDS
from music_detectors.profiles.columns import (
    ALL,
    CATEGORIES_LEFT_OUT,
    COMPONENT_MEANS,
    COMPONENTS_LEFT_OUT,
    PROFILE_CATEGORIES,
    PROFILE_COMPONENTS,
    PROFILE_CONTRASTS,
    PROFILE_RATIOS,
    PROFILE_SOUNDS,
    RATIOS_LEFT_OUT,
)
from music_detectors.profiles.correlations import (
    crossed_interval,
    pearson,
    percentiles,
    spearman,
)
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.selectivity.bootstrap import bootstrap_counts
from music_detectors.selectivity.columns import UNITS
from music_detectors.selectivity.effects import hedges_g, moments

_LEFT_OUT = {
    "ratios": RATIOS_LEFT_OUT,
    "categories": CATEGORIES_LEFT_OUT,
    "components": COMPONENTS_LEFT_OUT,
}


def profile_probe(
    responses: Sequence[str | os.PathLike],
    units: Sequence[str | os.PathLike],
    sounds: str | os.PathLike,
    references: str | os.PathLike,
    outputs: Mapping[str, str | os.PathLike],
    *,
    target: Sequence[str],
    seeds: Sequence[int],
    layer: str,
    seed: int,
    bootstraps: int,
    probe: str,
) -> None:
    """Write the profiles of a condition's networks over the probe set `probe`.

    `responses` are those to the probe set and `units` the units.tsv of the networks, in the order
    of `seeds`; `sounds` and `references` are the tables of the probe set, `target` the categories
    of the target. `outputs` are the tables of columns.py: sounds, categories, contrasts, ratios,
    components and component_means, and left_out_ratios, left_out_categories and
    left_out_components. A model that has no layer `layer` reports its own. `bootstraps` samples of
    sounds, and the blocks that are left out, are drawn by the master `seed` and `probe`, the same
    for every network and condition. Raises InputError when a file cannot be read, the responses are
    not to the sounds, a network has no selective unit, or a category of the target has no sound.
    """
    listed = _listed(sounds, target, probe)
    names, reference = _reference(references, listed["sound"])
    pairs = zip(responses, units, strict=True)
    profiles = np.stack(
        [
            selective_profile(of_network, of_units, layer, listed["sound"])
            for of_network, of_units in pairs
        ]
    )
    of_networks = zip(seeds, profiles, strict=True)
    rows = pd.concat(
        [listed.assign(seed=number, response=profile) for number, profile in of_networks],
        ignore_index=True,
    )
    write_table(outputs["sounds"], rows, PROFILE_SOUNDS)
    write_table(outputs["categories"], by_category(rows), PROFILE_CATEGORIES)
    write_table(outputs["contrasts"], compared(profiles, listed), PROFILE_CONTRASTS)
    ratios = ratios_of(profiles, listed["target"].to_numpy(), seeds)
    write_table(outputs["ratios"], ratios, PROFILE_RATIOS)
    counts = bootstrap_counts(len(listed), bootstraps, generator(seed, "probe sounds", probe))
    components, means = correlated(profiles, reference, names, counts, seeds)
    write_table(outputs["components"], components, PROFILE_COMPONENTS)
    write_table(outputs["component_means"], means, COMPONENT_MEANS)
    is_target = listed["target"].to_numpy()
    blocks = of_sounds(listed["category"].tolist(), is_target, generator(seed, "blocks", probe))
    without = without_blocks(profiles, listed, reference, names, blocks, seeds)
    for name, columns in _LEFT_OUT.items():
        write_table(outputs[f"left_out_{name}"], without[name], columns)


def without_blocks(
    profiles: np.ndarray,
    sounds: pd.DataFrame,
    reference: np.ndarray,
    names: Sequence[str],
    blocks: np.ndarray,
    seeds: Sequence[int],
) -> dict[str, pd.DataFrame]:
    """Return the rows of the tables without each block of sounds: ratios, categories, components.

    `profiles` are (networks, sounds) of `seeds`, `sounds` has the columns category and target,
    `reference` (components, sounds) are the profiles called `names`, `blocks` are (sounds,).
    """
    rows: dict[str, list[pd.DataFrame]] = {name: [] for name in _LEFT_OUT}
    for block in blocks_in(blocks):
        kept = blocks != block
        left, own = profiles[:, kept], sounds[kept]
        ratios = ratios_of(left, own["target"].to_numpy(), seeds)
        of_sounds_left = pd.concat(
            [own.assign(seed=seed, response=row) for seed, row in zip(seeds, left, strict=True)]
        )
        no_draws = np.empty((0, int(kept.sum())))
        found = pearson(left, reference[:, kept], no_draws).estimate if names else np.empty(0)
        components = pd.DataFrame(
            {
                "seed": np.repeat(np.asarray(seeds), len(names)),
                "component": list(names) * len(seeds),
                "n_sounds": int(kept.sum()),
                "pearson": found.ravel(),
            }
        )
        tables = (ratios, by_category(of_sounds_left), components)
        for name, table in zip(_LEFT_OUT, tables, strict=True):
            rows[name].append(table.assign(block=block))
    return {name: stacked(tables, _LEFT_OUT[name]) for name, tables in rows.items()}


def selective_profile(
    responses: str | os.PathLike, units: str | os.PathLike, layer: str, sounds: pd.Series
) -> np.ndarray:
    """Return the mean response (sounds,) of a network's selective units to each of `sounds`.

    Raises InputError when a file cannot be read, is not about `sounds`, or has no selective unit.
    """
    chosen = read_layers(responses).chosen(layer)
    table = read_table(units, UNITS, only=("layer", "unit", "selective"))
    selective = table.loc[(table["layer"] == chosen) & table["selective"], "unit"].to_numpy()
    if not len(selective):
        raise damaged(units, "table", f"has no selective unit of {chosen}")
    stored, values = read_responses(responses, [chosen])
    if stored != sounds.tolist():
        raise damaged(responses, "responses", "are not those to the sounds of the probe set")
    return values[chosen][:, selective].mean(axis=1, dtype=np.float64)


def by_category(rows: pd.DataFrame) -> pd.DataFrame:
    """Return n_sounds, mean and sample SD of the response by seed and category, in their order."""
    grouped = rows.groupby(["seed", "category", "target"], sort=False)["response"]
    return grouped.agg(n_sounds="size", response="mean", response_sd="std").reset_index()


def compared(profiles: np.ndarray, sounds: pd.DataFrame) -> pd.DataFrame:
    """Return how `profiles` (networks, sounds) differ between categories; see PROFILE_CONTRASTS.

    `sounds` has the columns category and target, a row per sound.
    """
    category, is_target = sounds["category"].to_numpy(), sounds["target"].to_numpy()
    targets = {name: category == name for name in dict.fromkeys(category[is_target])}
    others = {name: category == name for name in dict.fromkeys(category[~is_target])}
    rows = [
        {"category": name, "other": other, **_contrast(profiles, chosen, rest)}
        for name, chosen in targets.items()
        for other, rest in [*others.items(), (ALL, ~is_target)]
    ]
    whole = {"category": ALL, "other": ALL, **_contrast(profiles, is_target, ~is_target)}
    table = pd.DataFrame([*rows, whole])
    single = (table["other"] != ALL).to_numpy()
    for name in ("p_networks", "p_sounds"):
        adjusted = np.full(len(table), np.nan)
        adjusted[single] = holm(table.loc[single, name].to_numpy())
        table[f"{name}_holm"] = adjusted
    return table


def holm(p: np.ndarray) -> np.ndarray:
    """Return the values `p` (m,) adjusted by Holm (1979); a missing one counts as 1 and stays."""
    filled = np.where(np.isfinite(p), p, 1.0)
    order = np.argsort(filled, kind="stable")
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * filled[order])
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1)
    return np.where(np.isfinite(p), adjusted, np.nan)


def ratios_of(profiles: np.ndarray, is_target: np.ndarray, seeds: Sequence[int]) -> pd.DataFrame:
    """Return the rows of PROFILE_RATIOS for `profiles` (networks, sounds) of `seeds`."""
    target, other = profiles[:, is_target], profiles[:, ~is_target]
    of_target, of_other = target.mean(axis=1), other.mean(axis=1)
    ratio, effect = np.full((2, len(profiles)), np.nan)
    np.divide(of_target, of_other, out=ratio, where=of_other > 0)
    if min(target.shape[1], other.shape[1]) > 1:
        effect = hedges_g(moments(target.T), moments(other.T))
    return pd.DataFrame(
        {
            "seed": list(seeds),
            "n_target": target.shape[1],
            "n_other": other.shape[1],
            "response_target": of_target,
            "response_other": of_other,
            "ratio": ratio,
            "hedges_g": effect,
        }
    )


def correlated(
    profiles: np.ndarray,
    reference: np.ndarray,
    names: Sequence[str],
    counts: np.ndarray,
    seeds: Sequence[int],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of PROFILE_COMPONENTS and of COMPONENT_MEANS.

    `profiles` are (networks, sounds) of `seeds`, `reference` (components, sounds) the profiles
    called `names`, and `counts` (draws, sounds) the bootstrap samples.
    """
    if not names:
        return stacked([], PROFILE_COMPONENTS), stacked([], COMPONENT_MEANS)
    n_networks, n_sounds = profiles.shape
    of_networks = pd.DataFrame(
        {
            "seed": np.repeat(np.asarray(seeds), len(names)),
            "component": list(names) * n_networks,
            "n_sounds": n_sounds,
        }
    )
    means = pd.DataFrame({"component": names, "n_networks": n_networks, "n_sounds": n_sounds})
    for name, measure in (("pearson", pearson), ("spearman", spearman)):
        found = measure(profiles, reference, counts.astype(np.float64))
        ends = ("", "_low", "_high")
        drawn = percentiles(found.drawn)
        for end, values in zip(ends, (found.estimate, *drawn), strict=True):
            of_networks[f"{name}{end}"] = values.ravel()
        for end, values in zip(ends, crossed_interval(found, n_sounds), strict=True):
            means[f"{name}{end}"] = values
    return of_networks, means


def _listed(path: str | os.PathLike, target: Sequence[str], probe: str) -> pd.DataFrame:
    """Return sound, category and target of every sound of the probe set."""
    table = read_table(path, SOUNDS, only=("sound", "category"))
    there = list(dict.fromkeys(table["category"]))
    for category in target:
        if category not in there:
            raise InputError(
                f"configuration: probes.{probe}.target has {category!r}, but no sound has this "
                f"category; there are {one_line(', '.join(there))}"
            )
    if set(there) <= set(target):
        raise InputError(
            f"configuration: probes.{probe}.target has every category; leave one out, so that "
            "there are other sounds to compare with"
        )
    return table.assign(target=table["category"].isin(target))


def _contrast(profiles: np.ndarray, chosen: np.ndarray, rest: np.ndarray) -> dict[str, float]:
    """Return a row of PROFILE_CONTRASTS for the sounds `chosen` against the `rest`."""
    differences = profiles[:, chosen].mean(axis=1) - profiles[:, rest].mean(axis=1)
    n, mean = len(differences), differences.mean()
    half = p_networks = p_sounds = np.nan
    if n > 1:
        error = differences.std(ddof=1) / np.sqrt(n)
        half = stdtrit(n - 1, 0.975) * error
        p_networks = _above(mean, error, n - 1)
    averaged = profiles.mean(axis=0)
    a, b = averaged[chosen], averaged[rest]
    if min(len(a), len(b)) > 1:
        of_a, of_b = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
        terms = of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1)
        freedom = (of_a + of_b) ** 2 / terms if terms > 0 else 1.0
        p_sounds = _above(a.mean() - b.mean(), np.sqrt(of_a + of_b), freedom)
    return {
        "n_networks": n,
        "difference": mean,
        "low": mean - half,
        "high": mean + half,
        "p_networks": p_networks,
        "p_sounds": p_sounds,
    }


def _above(difference: float, error: float, freedom: float) -> float:
    """Return the one-sided p of a `difference` above zero by Student's t; NaN without an error."""
    return float(stdtr(freedom, -difference / error)) if error > 0 else np.nan


def _reference(path: str | os.PathLike, sounds: pd.Series) -> tuple[list[str], np.ndarray]:
    """Return the names of the components and their responses (components, sounds) to `sounds`."""
    table = read_table(path, REFERENCES)
    names = list(dict.fromkeys(table["component"]))
    if not names:
        return [], np.empty((0, len(sounds)))
    if table.duplicated(["sound", "component"]).any():
        raise damaged(path, "table", "a component has two responses to a sound")
    wide = table.pivot(index="sound", columns="component", values="response")
    if set(wide.index) != set(sounds) or wide.isna().any(axis=None):
        raise damaged(path, "table", "does not have every component's response to every sound")
    return names, wide.loc[sounds, names].to_numpy().T
