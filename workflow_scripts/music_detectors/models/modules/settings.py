"""How a condition of the configuration uses a PyTorch module; nothing here imports PyTorch."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

OWN = "own"
"""The module is trained here: what it returns are the class scores."""
MAPPED = "mapped"
"""Some of what the module returns are scores of the corpus' classes, as a table says."""
FITTED = "fitted"
"""The class scores are a linear function of the last layer's responses, fitted on train clips."""

POOLINGS = ("mean", "max", "cls", "none")
"""How the positions of a unit (time, frequency) become one response, or several units."""


@dataclass(frozen=True)
class ModuleSettings:
    """What determines the network of a condition and its responses, but for its weights.

    `condition` is its name. `factory` is `package.module:name`, called with `arguments`; `layers`
    are patterns of module names, `pooling` one of POOLINGS, `unit_axis` the axis of the units in
    what a module returns (None: found from the kind of module). `waveform` says whether the
    network hears a waveform, `sample_rate` at how many Hz (None: not known), and `scores` where
    class scores come from: OWN, MAPPED or FITTED.
    """

    condition: str
    factory: str
    layers: tuple[str, ...]
    arguments: dict = field(default_factory=dict)
    pooling: str = "mean"
    unit_axis: int | None = None
    waveform: bool = False
    sample_rate: int | None = None
    scores: str = FITTED

    def written(self) -> str:
        """Return the settings as one line of text, by which models are handed to jobs."""
        return json.dumps(asdict(self), sort_keys=True)


def settings_of(
    condition: str, how: Mapping, *, waveform: bool, sample_rate: int | None = None
) -> ModuleSettings:
    """Return the settings of the condition called `condition`, whose content is `how`.

    `waveform` and `sample_rate` are those of its input.
    """
    scores = OWN if "epochs" in how else MAPPED if how.get("outputs") else FITTED
    return ModuleSettings(
        condition=condition,
        factory=how["model"],
        layers=tuple(how["layers"]),
        arguments=dict(how.get("arguments", {})),
        pooling=how.get("pooling", "mean"),
        unit_axis=how.get("unit_axis"),
        waveform=waveform,
        sample_rate=sample_rate if waveform else None,
        scores=scores,
    )


def written_settings(model: str) -> ModuleSettings | None:
    """Return the settings of which `model` is the text; None if it is the name of a model."""
    if not model.startswith("{"):
        return None
    content = json.loads(model)
    return ModuleSettings(**{**content, "layers": tuple(content["layers"])})


def is_module(condition: Mapping) -> bool:
    """Return whether the model of a condition of the configuration is a PyTorch module."""
    return "layers" in condition


def is_adopted(condition: Mapping) -> bool:
    """Return whether a condition takes a module as it is and does not train it."""
    return is_module(condition) and not condition.get("epochs")


def is_trained(condition: Mapping) -> bool:
    """Return whether a condition of the configuration trains its model."""
    return "epochs" in condition and not is_adopted(condition)
