"""The section `inputs` of a configuration, and the folders of what it names."""

import dataclasses
from collections.abc import Mapping

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.common.errors import InputError, Mistakes
from music_detectors.configuration.check import check_against
from music_detectors.inputs.making.find import front_end, kinds
from music_detectors.inputs.making.front_end import FrontEnd

LOG_MEL = "log_mel"
"""The built-in input, the study's log-Mel spectrogram, which every condition has by default."""


def folder_of(name: str) -> str:
    """Return the folder, under the results, with the spectrograms of the input `name`."""
    return "spectrograms" if name == LOG_MEL else f"spectrograms-{name}"


def kept_inputs(configuration: Mapping) -> dict[str, dict]:
    """Return the settings of the inputs that are not dropped (null)."""
    named = configuration["inputs"].items()
    return {name: dict(settings) for name, settings in named if settings is not None}


def shape_of(configuration: Mapping, name: str) -> tuple[int, int]:
    """Return bands and frames of the shortest spectrogram of the input `name` that is played."""
    front = front_end(kept_inputs(configuration)[name])
    return front.bands, front.frames_of(round(_shortest(configuration) * SAMPLE_RATE))


def check_inputs(configuration: Mapping) -> None:
    """Check the section `inputs`, and which input each condition names.

    Expects a configuration that `check_shape` accepts. Raises InputError naming every key that is
    wrong, and what would be right.
    """
    kept = kept_inputs(configuration)
    mistakes = Mistakes()
    with mistakes.noted():
        if LOG_MEL in configuration["inputs"]:
            raise InputError(
                f"configuration: inputs has {LOG_MEL}, the name of the built-in input; give it "
                "another name"
            )
    with mistakes.noted():
        _check_settings(kept)
        for name, settings in kept.items():
            with mistakes.noted():
                _check_sense(name, settings, configuration)
    known = list(dict.fromkeys([LOG_MEL, *kept]))
    for condition, content in configuration["conditions"].items():
        name = (content or {}).get("input", LOG_MEL)
        with mistakes.noted():
            if name not in known:
                raise InputError(
                    f"configuration: conditions.{condition}.input is {name}, which is not among "
                    f"inputs; there are: {', '.join(known)}"
                )
    mistakes.report()


def _check_settings(kept: Mapping[str, Mapping]) -> None:
    """Refuse a kind that no file has, and settings that are not of the kind."""
    of_kind = {"properties": {"kind": {"enum": sorted(kinds())}}, "required": ["kind"]}
    check_against({"inputs": kept}, {"properties": {"inputs": {"additionalProperties": of_kind}}})
    own = {name: _schema(kinds()[settings["kind"]]) for name, settings in kept.items()}
    check_against({"inputs": kept}, {"properties": {"inputs": {"properties": own}}})


def _schema(kind: type[FrontEnd]) -> dict:
    """Return the JSON schema of an input of `kind`."""
    missing = dataclasses.MISSING
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    return {
        "additionalProperties": False,
        "required": [field.name for field in fields if field.default is missing],
        "properties": {"kind": {}, **kind.SETTINGS},
    }


def _check_sense(name: str, settings: Mapping, configuration: Mapping) -> None:
    try:
        front_end(settings).check(_shortest(configuration))
    except InputError as error:
        raise InputError(f"configuration: inputs.{name}.{error}") from None


def _shortest(configuration: Mapping) -> float:
    """Return the length in seconds of the shortest stretch that is played."""
    return min(
        configuration["corpus"]["clip_seconds"], configuration["stimuli"]["compared_seconds"]
    )
