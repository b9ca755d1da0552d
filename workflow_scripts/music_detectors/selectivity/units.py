"""The statistics of every unit of a network: selection on train clips, report on test clips."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from music_detectors.acoustics.covariates import read_covariates
from music_detectors.common.errors import InputError
from music_detectors.common.progress import progress
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.selectivity.bootstrap import hedges_g_interval
from music_detectors.selectivity.columns import UNITS
from music_detectors.selectivity.effects import effects
from music_detectors.selectivity.partial import AdjustedModel, PermutedAdjustedModel
from music_detectors.selectivity.permutation import max_statistic_p
from music_detectors.selectivity.ranking import is_constant, ranks, share_of_units

_MIN_CLIPS = 2
_P_COLUMNS = {
    "welch_t": "p_permutation",
    "d_prime": "d_prime_p_permutation",
    "auc": "auc_p_permutation",
    "hedges_g": "hedges_g_p_permutation",
    "partial_t": "partial_t_p_permutation",
}


def selectivity_units(
    train: str | os.PathLike,
    test: str | os.PathLike,
    clips: str | os.PathLike,
    units: str | os.PathLike,
    *,
    acoustics: Mapping[str, Sequence[str | os.PathLike]],
    fraction: float,
    permutations: int,
    bootstraps: int,
    seed: int,
    condition: str,
    replicate: str | int,
) -> None:
    """Write units.tsv of the network (`condition`, `replicate`) from its responses.

    `train` and `test` are files of responses, `clips` is clips.tsv, `acoustics` maps each split to
    its tables of covariates. `fraction` of a layer's units, at least one, are called selective.
    Random draws depend on the master `seed`, the condition and the replicate. Raises InputError
    when a file cannot be read, the clips of a file are not those of its split, a clip has no
    covariates, a response is not finite, or a split has fewer than two target or two other clips.
    """
    paths = {"train": train, "test": test}
    table = read_table(clips, CLIPS, only=("clip_id", "split", "role"))
    roles = {split: _roles(path, table, split) for split, path in paths.items()}
    models = {
        split: _adjusted_model(path, roles[split], acoustics[split], split)
        for split, path in paths.items()
    }

    def statistics(layer: str, split: str) -> dict[str, np.ndarray]:
        target, other = _groups(paths[split], layer, roles[split])
        columns = {
            "n_target": np.full(target.shape[1], len(target)),
            "n_other": np.full(target.shape[1], len(other)),
            **effects(target, other),
        }
        draws = generator(seed, "bootstrap", condition, replicate, layer, split)
        low, high = hedges_g_interval(target, other, bootstraps, draws)
        columns |= {"hedges_g_low": low, "hedges_g_high": high}
        model, both = models[split], np.concatenate([target, other])
        columns |= model.effects(both)
        if split == "train":
            t = columns["welch_t"]
            draws = generator(seed, "permutations", condition, replicate, layer)
            columns["p_fdr"] = false_discovery_control(columns["p"])
            more_statistics = {}
            if model.defined:
                more_statistics["partial_t"] = PermutedAdjustedModel(model, both).partial_t
            p = max_statistic_p(target, other, columns, permutations, draws, more_statistics)
            for name, column in _P_COLUMNS.items():
                columns[column] = p.get(name, np.full(len(t), np.nan))
            columns["rank"] = ranks(t, is_constant(target, other))
            columns["selective"] = columns["rank"] <= share_of_units(fraction, len(t))
        return columns

    layers = []
    of_model = read_layers(train)
    tested = of_model.tested
    for layer in progress(tested, len(tested), "unit statistics", unit="layers"):
        on_train, on_test = statistics(layer, "train"), statistics(layer, "test")
        columns = on_train | {f"test_{name}": values for name, values in on_test.items()}
        in_layer = pd.DataFrame(columns)
        names = {"layer": layer, "reported": layer == of_model.reported}
        layers.append(in_layer.assign(**names, unit=np.arange(len(in_layer))))
    write_table(units, pd.concat(layers, ignore_index=True), UNITS)


def _roles(path: str | os.PathLike, clips: pd.DataFrame, split: str) -> np.ndarray:
    clip_ids, _ = read_responses(path, [])
    roles = described(path, clip_ids, clips, split)["role"].to_numpy()
    n_target, n_other = (roles == "target").sum(), (roles == "other").sum()
    if min(n_target, n_other) < _MIN_CLIPS:
        raise InputError(
            f"{path}: {n_target} target and {n_other} other clips in the {split} split, but "
            f"selectivity needs at least {_MIN_CLIPS} of each; add clips to the corpus"
        )
    return roles


def _adjusted_model(
    path: str | os.PathLike,
    roles: np.ndarray,
    acoustics: Sequence[str | os.PathLike],
    split: str,
) -> AdjustedModel:
    """Return the model of a split, for its target clips followed by its other clips."""
    clip_ids = np.array(read_responses(path, [])[0], dtype=object)
    target, other = (clip_ids[roles == role] for role in ("target", "other"))
    covariates = read_covariates(acoustics, [*target, *other])
    is_target = np.arange(len(covariates)) < len(target)
    return AdjustedModel(is_target, covariates, f"{split} clips")


def _groups(
    path: str | os.PathLike, layer: str, roles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a layer's responses to target and to other clips, (clips, units) each."""
    clip_ids, responses = read_responses(path, [layer])
    finite = np.isfinite(responses[layer]).all(axis=1)
    if not finite.all():
        raise InputError(
            f"{path}: a response of {layer} to clip {clip_ids[int(np.argmin(finite))]} is not "
            "finite; train the network again"
        )
    return responses[layer][roles == "target"], responses[layer][roles == "other"]
