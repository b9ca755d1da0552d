"""The responses of a network's units to arrays of sound, and the statistics of every unit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from music_detectors.common.errors import InputError, one_line
from music_detectors.common.parts import Parts
from music_detectors.common.seeds import generator
from music_detectors.models.hooks import HookedEvaluation
from music_detectors.models.protocol import FixedModel, Pooled
from music_detectors.notebook.sounds import checked, resampled, spectrograms
from music_detectors.selectivity.columns import UNITS
from music_detectors.selectivity.partial import AdjustedModel
from music_detectors.selectivity.units import chosen, measured, permuted

Heard = str | Callable[[np.ndarray], np.ndarray | Tensor]
"""What a network hears: `waveform`, `log_mel` (the study's), or a function of your own from sounds
(n, samples) float32 to what the network takes (n, ...)."""

_LEAST_GROUPS = 2
_NAMED = 12


def unit_responses(
    network: nn.Module | FixedModel,
    sounds: np.ndarray,
    rate: int,
    layers: Sequence[str] = ("*",),
    *,
    heard: Heard = "waveform",
    network_rate: int | None = None,
    pooling: str = "mean",
    unit_axis: int = 1,
    at_once: int = 16,
) -> dict[str, np.ndarray]:
    """Return the responses (n, units) float32 to `sounds` (n, samples), by the name of the layer.

    `sounds` are mono, at `rate` in Hz, floats of full scale 1 or int16. `layers` are patterns
    (fnmatch) of names of modules of `network`, read by hooks in one pass, `at_once` sounds at a
    time. The network is run in evaluation mode, on the device it is on, and hears what `heard`
    says: the waveform (resampled to `network_rate` if that is given), the study's log-Mel
    spectrogram, or what a function returns. What a module returns is (n, units, ...), or has the
    units on `unit_axis`; `pooling` says what becomes of the positions of a unit: mean, max, cls
    (the first token) or none (each is a unit). A fixed model (such as `Gabor()`) hears log-Mel
    spectrograms, and is fitted to these sounds if it must be fitted.

    Raises InputError when the sounds are no such array, a pattern fits no module, a module does
    not run once or returns no tensor (n, ...), or a response is not finite.
    """
    found = checked(sounds, rate)
    if isinstance(network, FixedModel):
        pictures = torch.from_numpy(spectrograms(found, rate))
        network.check_size(*pictures.shape[1:])
        names = _matching(layers, list(network.layers))
        tensors = network.fitted([pictures])
        parts = [network.responses(tensors, batch) for batch in pictures.split(at_once)]
        return _joined(parts, names)
    names = _matching(layers, [name for name, _ in network.named_modules() if name])
    evaluation = HookedEvaluation(
        network,
        {name: name for name in names},
        dict.fromkeys(names, Pooled(pooling, unit_axis)),
    )
    with evaluating(network):
        parts = [
            {name: values.cpu() for name, values in evaluation(batch).items()}
            for batch in batches(network, found, rate, heard, network_rate, at_once)
        ]
    return _joined(parts, names)


def unit_statistics(
    responses: Mapping[str, np.ndarray] | np.ndarray,
    is_target: Sequence[bool] | np.ndarray,
    *,
    groups: Sequence[str | int] | np.ndarray | None = None,
    covariates: np.ndarray | pd.DataFrame | None = None,
    train: Sequence[bool] | np.ndarray | None = None,
    fraction: float = 0.125,
    permutations: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the statistics of every unit: those of `selectivity/.../units.tsv`, a row for each.

    `responses` (n, units) are of one layer, or of several by name. `is_target` (n,) says which
    sounds are of the target. Sounds of one of `groups` (n,), such as a recording, are one draw;
    without them each sound is its own. As in the study, a `fraction` of the units of a layer is
    called selective on the sounds of `train` (n,), by Welch's t, and columns with `test_` are of
    the others; without `train`, half of the groups are drawn. p are by `permutations` of the target
    among groups. With `covariates` (n, k), such as those of `sound_covariates`, `partial_` columns
    have the effects with these in the model; docs/statistics.md defines all. Draws follow from
    `seed` and the layer.

    Raises InputError when lengths differ, a response or covariate is infinite or a response NaN, or
    a half has fewer than two groups of target or of other sounds.
    """
    by_layer = responses if isinstance(responses, Mapping) else {"units": responses}
    target = _mask(is_target, "is_target")
    n = len(target)
    of_group = np.arange(n) if groups is None else np.asarray(groups)
    described = None if covariates is None else np.asarray(covariates, dtype=np.float64)
    for name, values in {"groups": of_group, "covariates": described}.items():
        if values is not None and len(values) != n:
            raise InputError(f"{name} are {len(values)}, but is_target has {n}: one for each sound")
    if described is not None and (described.ndim != 2 or np.isinf(described).any()):
        raise InputError(f"covariates are {described.shape}; give finite numbers (sounds, k)")
    on_train = _half(of_group, target, seed) if train is None else _mask(train, "train")
    if len(on_train) != n:
        raise InputError(f"train has {len(on_train)}, but is_target {n}: one for each sound")
    halves = {
        "train": _places(target, on_train),
        "test": _places(target, ~on_train),
    }
    parts = {name: Parts(of_group[places], target[places]) for name, places in halves.items()}
    for name, of_half in parts.items():
        if min(of_half.n_target, of_half.n_other) < _LEAST_GROUPS:
            raise InputError(
                f"the {name} sounds are of {of_half.n_target} groups of target and "
                f"{of_half.n_other} of other sounds, and two of each are needed; give more sounds"
            )
    models = {
        name: None
        if described is None
        else AdjustedModel(parts[name], described[places], f"{name} sounds")
        for name, places in halves.items()
    }
    tables = []
    for layer, of_layer in by_layer.items():
        values = np.asarray(of_layer)
        if values.ndim != 2 or len(values) != n:
            raise InputError(f"responses of {layer} are {values.shape}; they must be ({n}, units)")
        of_train, of_test = (values[halves[name]] for name in ("train", "test"))
        found = measured(of_train, parts["train"], models["train"])
        draws = generator(seed, "permutations", layer)
        found |= permuted(of_train, parts["train"], models["train"], found, permutations, draws)
        found |= chosen(of_train, parts["train"], found["welch_t"], fraction)
        on_test = measured(of_test, parts["test"], models["test"])
        found |= {f"test_{name}": column for name, column in on_test.items()}
        tables.append(pd.DataFrame({"layer": layer, "unit": np.arange(values.shape[1]), **found}))
    table = pd.concat(tables, ignore_index=True)
    left_out = [] if described is not None else ["partial_t_p_permutation"]
    return table[[name for name in UNITS if name in table and name not in left_out]]


def batches(
    network: nn.Module,
    sounds: np.ndarray,
    rate: int,
    heard: Heard,
    network_rate: int | None,
    at_once: int,
) -> Iterator[Tensor]:
    """Yield what `network` hears of `sounds`, float32 of full scale 1, on its device.

    Raises InputError for a kind of input that there is not.
    """
    parameter = next(network.parameters(), None)
    for start in range(0, len(sounds), at_once):
        some = sounds[start : start + at_once]
        if callable(heard):
            batch = heard(some)
        elif heard == "waveform":
            batch = resampled(some, rate, network_rate or rate)
        elif heard == "log_mel":
            batch = spectrograms(some, rate)
        else:
            raise InputError(f"heard is {heard!r}; it may be waveform, log_mel or a function")
        tensor = torch.as_tensor(batch)
        yield tensor if parameter is None else tensor.to(parameter.device)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Have `network` in evaluation mode while the block runs, and no gradients."""
    was_training = {module for module in network.modules() if module.training}
    network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module in was_training:
            module.training = True


def _matching(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return those of `names` that fit one of `patterns`, in their order."""
    if isinstance(patterns, str):
        patterns = [patterns]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            there = one_line(", ".join(names[:_NAMED]), 300)
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            raise InputError(f"no layer is called {pattern}; there are {there or 'none'}{more}")
    return [name for name in names if any(fnmatchcase(name, one) for one in patterns)]


def _joined(parts: Sequence[Mapping[str, Tensor]], names: Sequence[str]) -> dict[str, np.ndarray]:
    joined = {}
    for name in names:
        values = torch.cat([part[name] for part in parts]).float().cpu().numpy()
        wrong = ~np.isfinite(values).all(axis=1)
        if wrong.any():
            raise InputError(
                f"the response of layer {name} to sound {int(np.argmax(wrong))} (from 0) is not "
                "finite; look at the network's weights and at what it hears"
            )
        joined[name] = values
    return joined


def _mask(values: Sequence[bool] | np.ndarray, name: str) -> np.ndarray:
    found = np.asarray(values)
    if found.dtype != bool or found.ndim != 1:
        raise InputError(f"{name} is {found.shape} {found.dtype}; give true or false per sound")
    return found


def _half(groups: np.ndarray, is_target: np.ndarray, seed: int) -> np.ndarray:
    """Return a half of the sounds (n,): of the groups with target sounds, and of the others."""
    numbers, names = pd.factorize(groups)
    has_target = np.bincount(numbers, weights=is_target, minlength=len(names)) > 0
    is_train = np.zeros(len(names), dtype=bool)
    draw = generator(seed, "half")
    for of_role in (has_target, ~has_target):
        places = draw.permutation(np.flatnonzero(of_role))
        is_train[places[: (len(places) + 1) // 2]] = True
    return is_train[numbers]


def _places(is_target: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Return the places of the used sounds, those of the target first."""
    return np.concatenate([np.flatnonzero(used & is_target), np.flatnonzero(used & ~is_target)])
