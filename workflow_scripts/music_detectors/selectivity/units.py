"""The statistics of every unit of a network: selection on train clips, report on test clips."""

import os
from collections.abc import Mapping

import numpy as np
import pandas as pd

from music_detectors.acoustics.covariates import read_covariates
from music_detectors.common.corrections import false_discovery
from music_detectors.common.errors import InputError
from music_detectors.common.parts import Parts
from music_detectors.common.progress import progress
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.responses.clips import described
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.responses.sample import MOST_FITTED, sampled
from music_detectors.selectivity.columns import UNITS
from music_detectors.selectivity.effects import effects
from music_detectors.selectivity.grouped import grouped_effects
from music_detectors.selectivity.partial import AdjustedModel, PermutedAdjustedModel
from music_detectors.selectivity.permutation import permutation_p
from music_detectors.selectivity.ranking import is_constant, ranks, share_of_units

_MIN_GROUPS = 2
_EFFECTS = ("mean_target", "mean_other", "welch_t", "d_prime", "auc", "hedges_g")
_P_COLUMNS = {
    "cluster_t": "p_permutation",
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
    acoustics: Mapping[str, str | os.PathLike],
    fraction: float,
    permutations: int,
    seed: int,
    condition: str,
    replicate: str | int,
) -> None:
    """Write units.tsv of the network (`condition`, `replicate`) from its responses.

    `train` and `test` are files of responses, `clips` is clips.tsv, `acoustics` maps each split to
    its table of covariates. `fraction` of a layer's units, at least one, are called selective. Of
    more than MOST_FITTED train clips, labels are permuted among a sample, with whose statistics
    those under permuted labels are compared.
    Random draws depend on the master `seed`, the condition and the replicate. Raises InputError
    when a file cannot be read, the clips of a file are not those of its split, a clip has no
    covariates, a response is not finite, or a split has fewer than two groups (recordings) of
    target or of other clips.
    """
    paths = {"train": train, "test": test}
    table = read_table(clips, CLIPS, only=("clip_id", "split", "role", "group"))
    of_split = {split: _ordered_clips(path, table, split) for split, path in paths.items()}
    parts = {
        split: Parts(listed["group"], (listed["role"] == "target").to_numpy())
        for split, listed in of_split.items()
    }
    for split, path in paths.items():
        _refuse_few_groups(path, parts[split], split)
    covariates = {
        split: read_covariates(acoustics[split], listed["clip_id"].tolist())
        for split, listed in of_split.items()
    }
    models = {
        split: AdjustedModel(parts[split], covariates[split], f"{split} clips")
        for split in of_split
    }
    drawn = sampled(of_split["train"], table, "train", MOST_FITTED, seed, "permutations of labels")
    some_parts, some_model = parts["train"], models["train"]
    if not drawn.all():
        some = of_split["train"][drawn]
        some_parts = Parts(some["group"], (some["role"] == "target").to_numpy())
        _refuse_few_groups(train, some_parts, "sample of the train")
        some_model = AdjustedModel(some_parts, covariates["train"][drawn], "sampled train clips")
    del covariates

    def of_split_in(layer: str, split: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        responses = _responses(paths[split], layer, of_split[split])
        return responses, measured(responses, parts[split], models[split])

    layers = []
    of_model = read_layers(train)
    tested = of_model.tested
    for layer in progress(tested, len(tested), "unit statistics", unit="layers"):
        responses, on_train = of_split_in(layer, "train")
        draws = generator(seed, "permutations", condition, replicate, layer)
        on_train |= chosen(responses, parts["train"], on_train["welch_t"], fraction)
        observed = on_train
        if not drawn.all():
            responses = responses[drawn]
            observed = measured(responses, some_parts, some_model)
        on_train |= permuted(responses, some_parts, some_model, observed, permutations, draws)
        _, on_test = of_split_in(layer, "test")
        columns = on_train | {f"test_{name}": values for name, values in on_test.items()}
        in_layer = pd.DataFrame(columns)
        names = {"layer": layer, "reported": layer == of_model.reported}
        layers.append(in_layer.assign(**names, unit=np.arange(len(in_layer))))
    write_table(units, pd.concat(layers, ignore_index=True), UNITS)


def measured(
    responses: np.ndarray, parts: Parts, model: AdjustedModel | None
) -> dict[str, np.ndarray]:
    """Return the effects (units,) of target against other clips, by their columns in UNITS.

    `responses` are (clips, units), those to target clips first, `parts` those of the clips, with at
    least two groups of each role. Without a `model`, effects with covariates are left out. Raises
    InputError for responses that are not finite.
    """
    n_target = int(parts.n_clips[parts.is_target].sum())
    target, other = responses[:n_target], responses[n_target:]
    units = responses.shape[1]
    found = effects(target, other)
    return {
        "n_target": np.full(units, len(target)),
        "n_other": np.full(units, len(other)),
        "n_groups_target": np.full(units, parts.n_target),
        "n_groups_other": np.full(units, parts.n_other),
        **{name: found[name] for name in _EFFECTS},
        **grouped_effects(responses, parts),
        **({} if model is None else model.effects(responses)),
    }


def permuted(
    responses: np.ndarray,
    parts: Parts,
    model: AdjustedModel | None,
    observed: Mapping[str, np.ndarray],
    permutations: int,
    draws: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Return the p (units,) of effects by permutation, by their columns in UNITS.

    `observed` are what `measured` returned for the same responses. What cannot be tested is NaN.
    """
    units = responses.shape[1]
    more_statistics = {}
    if model is not None and model.tested:
        more_statistics["partial_t"] = PermutedAdjustedModel(model, responses).partial_t
    p_unit, p = permutation_p(responses, parts, observed, permutations, draws, more_statistics)
    found = {
        "n_permuted": np.full(units, len(responses)),
        "p_unit": p_unit,
        "p_fdr": false_discovery(p_unit),
    }
    for name, column in _P_COLUMNS.items():
        found[column] = p.get(name, np.full(units, np.nan))
    return found


def chosen(
    responses: np.ndarray, parts: Parts, t: np.ndarray, fraction: float
) -> dict[str, np.ndarray]:
    """Return the rank (units,) of each unit by `t`, and which are selective: a `fraction` of them.

    `responses` are as in `measured`; units that never vary come last.
    """
    n_target = int(parts.n_clips[parts.is_target].sum())
    rank = ranks(t, is_constant(responses[:n_target], responses[n_target:]))
    return {"rank": rank, "selective": rank <= share_of_units(fraction, len(t))}


def _ordered_clips(path: str | os.PathLike, clips: pd.DataFrame, split: str) -> pd.DataFrame:
    """Return the rows of the target clips in the file at `path`, followed by the other clips.

    The column `place` is their place in the file.
    """
    clip_ids, _ = read_responses(path, [])
    listed = described(path, clip_ids, clips, split).assign(place=np.arange(len(clip_ids)))
    by_role = [listed[listed["role"] == role] for role in ("target", "other")]
    return pd.concat(by_role, ignore_index=True)


def _refuse_few_groups(path: str | os.PathLike, parts: Parts, split: str) -> None:
    n_target = int(parts.n_clips[parts.is_target].sum())
    n_other = int(parts.n_clips.sum()) - n_target
    if min(parts.n_target, parts.n_other) < _MIN_GROUPS:
        raise InputError(
            f"{path}: {n_target} target and {n_other} other clips in the {split} split, of "
            f"{parts.n_target} and {parts.n_other} groups (recordings), but selectivity needs at "
            f"least {_MIN_GROUPS} groups of each; add clips of other recordings to the corpus"
        )


def _responses(path: str | os.PathLike, layer: str, clips: pd.DataFrame) -> np.ndarray:
    """Return a layer's responses (clips, units) to `clips`, in their order."""
    clip_ids, responses = read_responses(path, [layer])
    finite = np.isfinite(responses[layer]).all(axis=1)
    if not finite.all():
        raise InputError(
            f"{path}: a response of {layer} to clip {clip_ids[int(np.argmin(finite))]} is not "
            "finite; train the network again"
        )
    return responses[layer][clips["place"].to_numpy()]
