"""Where the corpus's files are: paths, or URLs that a rule downloads to local copies.

The Snakefile calls these while it is read, so nothing heavy is imported here.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from music_detectors.common.urls import is_url
from music_detectors.corpus.inputs import digest_of_ids, read_clip_ids
from music_detectors.corpus.ontology import load_ontology
from music_detectors.corpus.sources import Copy, source_named


def _read_ontology(path: Path, key: str, before: Mapping[str, Path]) -> None:
    load_ontology(path, key)


def _read_clip_ids(path: Path, key: str, before: Mapping[str, Path]) -> str:
    return digest_of_ids(read_clip_ids(path, key))


def copies_of(corpus: Mapping) -> dict[str, Copy]:
    """Return what may be a URL in the `corpus` section, in the order in which it is read."""
    return {
        "ontology": Copy("ontology.json", _read_ontology),
        **source_named(corpus["source"]).COPIES,
        "withheld_clips": Copy("withheld_clips", _read_clip_ids),
    }


def key_of(corpus: Mapping, name: str) -> str:
    """Return the configuration's key of `name`, one of `copies_of`."""
    if name in source_named(corpus["source"]).COPIES:
        return f"corpus.{corpus['source']}.{name}"
    return f"corpus.{name}"


def configured(corpus: Mapping) -> dict[str, str]:
    """Return the path or URL of each of `copies_of` that the `corpus` section names."""
    own = source_named(corpus["source"]).COPIES
    named = {
        name: (corpus[corpus["source"]] if name in own else corpus)[name]
        for name in copies_of(corpus)
    }
    return {name: place for name, place in named.items() if place is not None}


def with_copies(corpus: Mapping, folder: str) -> dict:
    """Return the `corpus` section with the path of its local copy, under `folder`, for each URL."""
    source = corpus["source"]
    local: dict = {**corpus, source: dict(corpus[source])}
    for name, copy in copies_of(corpus).items():
        section = local[source] if name in source_named(source).COPIES else local
        if is_url(section[name]):
            section[name] = (PurePosixPath(folder) / copy.name).as_posix()
    return local
