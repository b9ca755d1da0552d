"""Which model a condition names, and where its code is; nothing here imports PyTorch."""

import importlib
import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from music_detectors.common.errors import InputError, one_line
from music_detectors.models.modules.settings import (
    is_module,
    is_trained,
    settings_of,
    written_settings,
)
from music_detectors.models.protocol import FixedModel, Model, TrainedModel

BUILT_IN = {
    "kim2024": "music_detectors.models.kim2024:Kim2024",
    "resnet": "music_detectors.models.resnet:ResNet",
    "gabor": "music_detectors.models.gabor:Gabor",
    "pca": "music_detectors.models.pca:Pca",
}
"""The models that come with the workflow: name to `module:factory`."""

DEFAULT = "kim2024"
"""The model of a condition that names none."""

GIVEN = "responses"
"""What a condition names in place of a model whose responses another tool computed."""

WORKFLOW = Path(__file__).parents[3]
"""The folder of the workflow, which is also searched for modules."""

_FACTORY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_LAYER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


def model_file(name: str, key: str = "model") -> Path:
    """Return the file of the module that defines the model `name`, without importing it.

    `name` is one of BUILT_IN, `package.module:factory`, or the text of the settings of a PyTorch
    module; files are looked for on Python's path, in the working directory and in the workflow's
    folder. Raises InputError, naming `key`, if there is no such file.
    """
    name, module, _ = _named(name, key)
    for folder in search_path():
        path = _in_folder(module, folder)
        if path is not None:
            return path
    raise InputError(
        f"{key} is {name}, and no file {module.replace('.', '/')}.py is found on PYTHONPATH, in "
        f"the working directory or in {WORKFLOW}"
    )


def model_folder(name: str) -> Path:
    """Return the folder on the search path that holds the module of the model `name`."""
    module = _named(name, "model")[1]
    return next(folder for folder in search_path() if _in_folder(module, folder) is not None)


def search_path() -> list[Path]:
    """Return the folders that are searched for modules of models, in this order."""
    places = [Path(entry or ".").resolve() for entry in sys.path]
    return [*dict.fromkeys([*places, Path.cwd(), WORKFLOW])]


def load_trained(name: str, key: str = "model") -> TrainedModel:
    """Return the trained model `name`.

    Raises InputError, naming `key`, when it cannot be imported, is fixed, or is not usable.
    """
    model = load_model(name, key)
    if not isinstance(model, TrainedModel):
        raise _wrong_kind(name, key, trained=False)
    return model


def load_fixed(name: str, key: str = "model") -> FixedModel:
    """Return the fixed model `name`; raises as `load_trained`."""
    model = load_model(name, key)
    if not isinstance(model, FixedModel):
        raise _wrong_kind(name, key, trained=True)
    return model


def load_model(name: str, key: str = "model") -> Model:
    """Return the model `name`: what its factory returns.

    Raises InputError, naming `key`, when it cannot be imported or is not usable.
    """
    settings = written_settings(name)
    model_file(name, key)
    name, module_name, factory_name = _named(name, key)
    for folder in map(str, search_path()):
        if folder not in sys.path:
            sys.path.append(folder)
    try:
        factory = getattr(importlib.import_module(module_name), factory_name)
        model = None if settings else factory()
    # Any error in a user's file becomes one line; the log has the traceback.
    except Exception as error:
        why = one_line(f"{type(error).__name__}: {error}", 300)
        raise InputError(f"{key} is {name}, which cannot be loaded ({why})") from error
    if settings is not None:
        from music_detectors.models.modules.model import ModuleModel

        return ModuleModel(settings, factory)
    return _checked(model, f"{key} is {name}")


def check_conditions(conditions: Mapping[str, Mapping], layer: str) -> None:
    """Refuse conditions and a `selectivity.layer` that do not fit the models, before any job runs.

    `conditions` are those of the configuration, each with its model's name. Only what can be known
    without PyTorch is checked: for models outside BUILT_IN, that the file exists.
    """
    models: dict[str, Model | None] = {}
    for condition, content in conditions.items():
        name, key = content["model"], f"configuration: conditions.{condition}.model"
        if name == GIVEN:
            # Its layers are known from its files alone.
            models[name] = None
            continue
        model_file(name, key)
        if is_module(content):
            models[name] = None
            continue
        model = models[name] = load_model(name, key) if name in BUILT_IN else None
        trained = isinstance(model, TrainedModel)
        if model is not None and trained != is_trained(content):
            raise _wrong_kind(name, key, trained=trained)
    if None not in models.values():
        check_layer(layer, {name: model for name, model in models.items() if model is not None})


def check_layer(layer: str, models: Mapping[str, Model]) -> None:
    """Raise InputError unless one of `models` has `layer` and it does not hold the outputs."""
    known = {
        name: [one for one in model.layers if one != model.outputs]
        for name, model in models.items()
    }
    if not any(layer in layers for layers in known.values()):
        listed = "; ".join(
            f"{_named(name, 'model')[0]}: {', '.join(layers)}" for name, layers in known.items()
        )
        raise InputError(
            f"configuration: selectivity.layer is {layer}, a layer that no model has ({listed})"
        )


def check_reported(
    name: str, key: str, layer: str, models: Mapping[str, str], *, trained: bool
) -> None:
    """Raise InputError unless the model `name` or another of the configuration's has `layer`.

    It is raised as well, naming `key`, where the model is not `trained`, or is, against its
    condition.

    `models` are the names of the models of all conditions, by the key that gives each. The others
    are loaded only if the model `name` lacks the layer. If one is GIVEN, any layer may be its.
    """
    model = (load_trained if trained else load_fixed)(name, key)
    if GIVEN in models.values():
        return
    if layer not in model.layers or layer == model.outputs:
        check_layer(layer, {other: load_model(other, its) for its, other in models.items()})


def has_readout(name: str) -> bool:
    """Return whether the outputs of the model `name` are known to follow from stored responses.

    Models outside BUILT_IN are not loaded for this, so nothing is known about them.
    """
    return name in BUILT_IN and type(load_trained(name)).readout is not TrainedModel.readout


def has_layer(name: str, layer: str) -> bool:
    """Return whether the model `name` is known to have `layer`; as in `has_readout`."""
    return name in BUILT_IN and layer in load_model(name).layers


def with_models(conditions: Mapping[str, Mapping]) -> dict[str, dict]:
    """Return `conditions` of the configuration, each with the name of its model."""
    return {name: {"model": DEFAULT, **content} for name, content in conditions.items()}


def model_text(
    condition: str, how: Mapping, *, waveform: bool, sample_rate: int | None = None
) -> str:
    """Return the model of a condition as jobs get it: its name, or the text of its settings.

    `how` is the condition's content; `waveform` says whether its input is a waveform, and
    `sample_rate` at how many Hz.
    """
    if not is_module(how):
        return how["model"]
    return settings_of(condition, how, waveform=waveform, sample_rate=sample_rate).written()


def is_given(condition: Mapping) -> bool:
    """Return whether the responses of a condition of the configuration are read from files."""
    return condition["model"] == GIVEN


def _in_folder(module: str, folder: Path) -> Path | None:
    place = folder.joinpath(*module.split("."))
    files = (place / "__init__.py", place.with_suffix(".py"))
    return next((path.resolve() for path in files if os.path.isfile(path)), None)


def _wrong_kind(name: str, key: str, *, trained: bool) -> InputError:
    """Return the error for a model `name` that is `trained`, or fixed, unlike its condition."""
    if trained:
        return InputError(
            f"{key} is {name}, which is a trained model: it needs withhold, labels and epochs"
        )
    return InputError(
        f"{key} is {name}, which is a fixed model: leave out withhold, labels, epochs and keep"
    )


def _checked(model: object, what: str) -> Model:
    """Return `model`, called `what`; raise InputError unless it is of a kind and complete."""
    if not isinstance(model, FixedModel | TrainedModel):
        raise InputError(
            f"{what}, whose factory returns {type(model).__name__}; it must return a FixedModel or "
            "a TrainedModel of music_detectors.models.protocol"
        )
    layers = list(getattr(model, "layers", ()))
    if not layers or len(set(layers)) != len(layers) or not all(map(_LAYER.fullmatch, layers)):
        raise InputError(
            f"{what}, whose layers are {layers}; they must be different names of letters, digits, "
            "., - and _ that begin with a letter"
        )
    outputs = getattr(model, "outputs", None)
    trained = isinstance(model, TrainedModel)
    if (outputs not in layers) if trained else (outputs is not None):
        allowed = f"one of its layers ({', '.join(layers)})" if trained else "None"
        raise InputError(f"{what}, whose outputs are {outputs}; they must be {allowed}")
    if isinstance(model, TrainedModel) and type(model).evaluation is TrainedModel.evaluation:
        missing = [layer for layer in layers if layer not in model.modules]
        if missing:
            raise InputError(f"{what}, whose modules lack layer {missing[0]}")
    reported = getattr(model, "reported", None)
    if reported not in layers or reported == outputs:
        raise InputError(
            f"{what}, whose reported layer is {reported}; it must be one of its layers that does "
            f"not hold the outputs ({', '.join(layers)})"
        )
    return model


@cache
def _named(name: str, key: str) -> tuple[str, str, str]:
    """Return the name of the model that `name` names or describes, its module and its factory."""
    settings = written_settings(name)
    if settings is not None:
        name = settings.factory
    path = BUILT_IN.get(name, name)
    if not _FACTORY.fullmatch(path):
        raise InputError(
            f"{key} is {name}, which is neither {', '.join(BUILT_IN)} nor package.module:factory"
        )
    module, factory = path.split(":")
    return name, module, factory
