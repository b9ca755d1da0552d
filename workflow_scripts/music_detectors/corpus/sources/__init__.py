"""Where a corpus comes from: one module per source, called by the name that `corpus.source` gives.

A module of this package is a source when it has what `Source` lists; nothing else needs to know it.
docs/sources.md shows how to add one. The Snakefile imports these modules while it is read, so they
import nothing heavy.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from music_detectors.corpus.ontology import Ontology

if TYPE_CHECKING:
    from music_detectors.corpus.classes import ClassList

SPLITS = ("train", "test")


class Listed(NamedTuple):
    """The classes that a source lists: (id, name) in the order of the networks' outputs.

    `origin` is the file that lists them, for messages; without an `ontology`, ids are labels.
    `genres` has labels that make up a target, by its name, where the configuration lists them.
    """

    classes: Sequence[tuple[str, str]]
    origin: str
    ontology: Ontology | None
    genres: Mapping[str, Sequence[str]] = MappingProxyType({})


class Listing(NamedTuple):
    """The clips of one split, column by column, in order.

    `references` say where the sound of each clip is (see Source.SOUND), `starts` and `ends` are
    seconds, and an end is NaN where a clip lasts as long as its recording; `labels` are ids of
    classes; clips of one of `groups`, such as a recording, count as one draw.
    """

    clip_ids: Sequence[str]
    references: Sequence[str]
    starts: Sequence[float]
    ends: Sequence[float]
    labels: Sequence[tuple[str, ...]]
    groups: Sequence[str]


class Copy(NamedTuple):
    """A file that may be a URL: the name of its local copy, and a function that reads it whole.

    The function takes its path, its key in the configuration and the files before it, by name; it
    raises InputError where the file is damaged. It returns the SHA-256 to compare with that of
    the published file, or None for that of the bytes.
    """

    name: str
    read: Callable[[Path, str, Mapping[str, Path]], str | None]


class Source(Protocol):
    """A source of clips. `corpus` is the section `corpus` of the configuration.

    SECTION is the JSON schema of the section `corpus.<source>`; it requires every key.
    SOUND says how clips are found: `recordings` (references are paths or http addresses),
    `audioset` (YouTube ids, looked for in `audio.sources`) or `embedded` (recipes of synthesis).
    REMEDY says what to change where a split lacks clips. COPIES has the keys of the section that
    may be a URL, and PUBLISHED the name and SHA-256 of files as they were published. Where a list
    of clips may be a URL, the key `clips` of the section says how many clips each split has.
    """

    SECTION: Mapping
    SOUND: str
    REMEDY: str
    COPIES: Mapping[str, Copy]
    PUBLISHED: Mapping[str, tuple[str, str]]

    def files(self, corpus: Mapping) -> dict[str, str]:
        """Return the files that the source reads, by what they are."""

    def check(self, corpus: Mapping) -> None:
        """Raise InputError, naming the key, where the source cannot work as configured."""

    def has_addresses(self, corpus: Mapping) -> bool:
        """Return whether the reference of a clip may be an http(s) address, which is fetched."""

    def count(self, corpus: Mapping, seed: int) -> dict[str, int]:
        """Return how many clips each split will have, as `clips` lists them."""

    def classes(self, corpus: Mapping) -> Listed:
        """Return the classes. Raises InputError, naming the file or the key."""

    def clips(self, corpus: Mapping, seed: int, classes: "ClassList") -> dict[str, Listing]:
        """Return the clips of each split. Raises InputError, naming the file and line."""


def source_names() -> list[str]:
    """Return the names of all sources: those of the files in this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def source_named(name: str) -> Source:
    """Return the source called `name`, one of `source_names`."""
    return cast(Source, importlib.import_module(f"{__name__}.{name}"))
