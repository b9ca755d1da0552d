"""Probe sets that come with the workflow: one module each, found by its name.

`SETTINGS` has the keys that a configuration would give. A set whose sounds the workflow makes also
has `synthesised` and `profiles_of`. docs/probes.md says how to add one. The Snakefile imports these
modules while it is read, so they import nothing heavy, except inside functions.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    import numpy as np


class Synthesised(NamedTuple):
    """A sound that the workflow makes: `samples` (n,) float32 of full scale 1 at 22,050 Hz."""

    sound: str
    category: str
    samples: "np.ndarray"


class BuiltIn(Protocol):
    """A probe set that comes with the workflow.

    `synthesised` returns its sounds for a master seed; `profiles_of` returns, for the samples of
    sounds, a response to each by the name of a component. Only sets that the workflow makes have
    them.
    """

    SETTINGS: Mapping
    synthesised: Callable[[int], list[Synthesised]]
    profiles_of: Callable[[Sequence["np.ndarray"]], Mapping[str, Sequence[float]]]


def set_names() -> list[str]:
    """Return the names of all built-in probe sets: those of the files in this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def set_named(name: str) -> BuiltIn:
    """Return the built-in probe set called `name`, one of `set_names`."""
    return cast(BuiltIn, importlib.import_module(f"{__name__}.{name}"))
