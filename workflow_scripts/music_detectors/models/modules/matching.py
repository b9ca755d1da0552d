"""Which modules of a network are its layers, and where the units are in what they return."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from torch import nn

from music_detectors.common.errors import InputError, one_line

_CHANNELS_FIRST = (
    nn.Conv1d,
    nn.ConvTranspose1d,
    nn.BatchNorm1d,
    nn.InstanceNorm1d,
    nn.GroupNorm,
    nn.MaxPool1d,
    nn.AvgPool1d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveMaxPool1d,
)
_CHANNELS_LAST = (nn.Linear, nn.LayerNorm, nn.RMSNorm, nn.Embedding, nn.MultiheadAttention, nn.RNN)
_LISTED = 12


def matched(network: nn.Module, patterns: Sequence[str], key: str) -> list[str]:
    """Return the names of the modules of `network` that match `patterns`, pattern by pattern.

    A pattern is that of a file name, part by part between dots, so `*` and `?` match no dot:
    `layers.*` are the modules directly in `layers`. Those of one pattern are in the order of the
    network. Raises InputError, naming `key`, for a pattern without a module.
    """
    names = [name for name, _ in network.named_modules() if name]
    found: list[str] = []
    for pattern in patterns:
        own = [name for name in names if _matches(name, pattern)]
        if not own:
            listed = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
            raise InputError(
                f"{key} has {pattern}, which no module of the network matches; its modules are "
                f"{one_line(listed, 600)}"
            )
        found += own
    return list(dict.fromkeys(found))


def unit_axis(module: nn.Module) -> int:
    """Return the axis of the units in the three-dimensional output of `module`: 1 or -1.

    It is the second for convolutions, pooling and batch norm along one dimension, and the last for
    linear layers and layer norm. A module made of others is like the last of these in it; if there
    is none, the units are on the last axis, as in transformers.
    """
    for part in reversed(list(module.modules())):
        if isinstance(part, _CHANNELS_FIRST):
            return 1
        if isinstance(part, _CHANNELS_LAST):
            return -1
    return -1


def _matches(name: str, pattern: str) -> bool:
    parts, patterns = name.split("."), pattern.split(".")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))
