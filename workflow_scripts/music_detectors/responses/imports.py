"""Responses that another tool computed, in place of those of a model of the workflow.

The weights file of such a network has no tensors. It says which layers the network has, and from
which files its responses to the original clips came, so that all that is computed from them can
be told from what came from others.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import save

from music_detectors.common.errors import InputError, one_line
from music_detectors.common.files import replacing, sha256
from music_detectors.common.sealed import metadata, read_sealed, sealed
from music_detectors.responses.files import Layers, create_responses
from music_detectors.responses.given import Given, open_given
from music_detectors.spectrograms.shard import read_index
from music_detectors.stimuli.making.names import ORIGINAL

# As the configuration has it; `models.find`, which also knows it, would bring PyTorch.
_MODEL = "responses"
_LISTED = 8


def import_responses(
    files: Sequence[str | os.PathLike],
    indices: Sequence[str | os.PathLike],
    outputs: Sequence[str | os.PathLike],
    weights: str | os.PathLike,
    *,
    condition: str,
    replicate: int,
    needed: Mapping[str, str],
) -> None:
    """Write the responses of a network to the original clips, from `files` of another tool.

    Each of `outputs` has the clips of the index at the same place of `indices`, in their order,
    with the responses that the file at the same place of `files` has for them. `weights` becomes
    the file that says where they came from. `needed` maps every file that the run needs of this
    network, also for other stimuli, to the folder of the spectrograms that it is of: those that are
    missing are told at once. Raises InputError, naming the file, when one is missing or cannot be
    read, lacks a clip or has one twice, has a response that is not finite, or when its layers or
    units are not those of the first file.
    """
    _check_there(files, condition, needed)
    with _opened(files[0], ORIGINAL) as given:
        layers, units = given.layers, given.units
    about = {
        "model": _MODEL,
        "condition": condition,
        "replicate": replicate,
        "epoch": 0,
        "training_clips": 0,
        "validation_clips": 0,
        "kernels": "",
        "torch": "",
        "numpy": np.__version__,
        "files": [sha256(file) for file in files],
        # Pairs, since keys are stored in the order of the alphabet.
        "layers": list(units.items()),
        "reported": layers.reported,
        "outputs": layers.outputs,
    }
    content = sealed(save({}, metadata(about, weights)))
    with replacing(weights) as temporary:
        temporary.write_bytes(content)
    import_stimulus_responses(
        files,
        indices,
        outputs,
        weights,
        condition=condition,
        needed=needed,
        stimuli=[ORIGINAL] * len(files),
    )


def import_stimulus_responses(
    files: Sequence[str | os.PathLike],
    indices: Sequence[str | os.PathLike],
    outputs: Sequence[str | os.PathLike],
    weights: str | os.PathLike,
    *,
    condition: str,
    needed: Mapping[str, str],
    stimuli: Sequence[str],
) -> None:
    """Write the responses of the network of `weights` to each of `stimuli`, as `import_responses`.

    The layers of the files must be those of the network's responses to the original clips.
    """
    _check_there(files, condition, needed)
    about = read_sealed(weights, "weights")[1]
    units = dict(about["layers"])
    layers = Layers(tuple(units), about["reported"], about["outputs"])
    digest = sha256(weights)
    for file, index, output, stimulus in zip(files, indices, outputs, stimuli, strict=True):
        with _opened(file, stimulus) as given:
            if given.units != units:
                raise InputError(
                    f"{file}: has the layers {_shown(given.units)}, but the responses of "
                    f"conditions.{condition} to the original clips have {_shown(units)} "
                    "(units); compute all of them with the same network"
                )
            _copy(given, Path(index), output, layers, digest, stimulus)


def _copy(
    given: Given,
    index: Path,
    output: str | os.PathLike,
    layers: Layers,
    digest: str,
    stimulus: str,
) -> None:
    """Write those of `given` for the clips of the index, in its order, whole or not at all."""
    clip_ids = read_index(index)["clip_id"].tolist()
    if not clip_ids:
        raise InputError(f"{index}: lists no clip; no clip is usable")
    places = pd.Index(given.clip_ids).get_indexer(clip_ids)
    lacking = np.flatnonzero(places < 0)
    if len(lacking):
        raise InputError(
            f"{given.path}: lacks {len(lacking)} of the {len(clip_ids)} clips of {index}, such as "
            f"{one_line(clip_ids[lacking[0]])}; compute their responses from the spectrograms in "
            f"{index.parent}"
        )
    with create_responses(output, clip_ids, given.units, layers, digest, stimulus) as new:
        for layer in layers.names:
            values = given.responses(layer)[places]
            wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
            if len(wrong):
                raise InputError(
                    f"{given.path}: the response to clip {one_line(clip_ids[wrong[0]])} is not "
                    f"finite in layer {layer} ({len(wrong)} such clips); compute it again"
                )
            new[layer][:] = values
            new.raise_trouble()


def _check_there(
    files: Sequence[str | os.PathLike], condition: str, needed: Mapping[str, str]
) -> None:
    """Raise InputError, naming all that are missing of `needed`, if one of `files` is."""
    if all(os.path.isfile(file) for file in files):
        return
    missing = [file for file in needed if not os.path.isfile(file)]
    listed = [f"{one_line(file)} (of {needed[file]})" for file in missing[:_LISTED]]
    more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
    raise InputError(
        f"configuration: conditions.{condition}.files: {len(missing)} of the {len(needed)} files "
        f"that this run needs are missing: {', '.join(listed)}{more}; compute them from the "
        "spectrograms in these folders, which `snakemake stimuli` makes (docs/responses.md)"
    )


@contextmanager
def _opened(file: str | os.PathLike, stimulus: str) -> Iterator[Given]:
    with open_given(file) as given:
        if given.stimulus not in ("", stimulus):
            raise InputError(
                f"{file}: holds responses to {one_line(given.stimulus)}, not to {stimulus}; "
                "correct the file, or its attribute stimulus"
            )
        yield given


def _shown(units: Mapping[str, int]) -> str:
    return one_line(", ".join(f"{layer} ({number})" for layer, number in units.items()), 200)
