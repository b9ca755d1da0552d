"""Where the corpus's files are: paths as they are, and URLs of which a rule makes local copies.

The Snakefile calls these while it is read, so nothing heavy is imported here.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath

from music_detectors.common.urls import is_url

COPIES = {
    "ontology": "ontology.json",
    "classes": "class_labels_indices.csv",
    "train_segments": "train_segments.csv",
    "test_segments": "test_segments.csv",
    "withheld_clips": "withheld_clips.txt",
}
"""What may be a URL, and what its local copy is called."""


def keys_of(corpus: Mapping) -> dict[str, str]:
    """Return the configuration's key of each of COPIES that the `corpus` section may name."""
    keys = {"ontology": "corpus.ontology", "withheld_clips": "corpus.withheld_clips"}
    if corpus["source"] == "audioset":
        for name in ("classes", "train_segments", "test_segments"):
            keys[name] = f"corpus.audioset.{name}"
    return keys


def configured(corpus: Mapping) -> dict[str, str]:
    """Return the path or URL of each of COPIES that the `corpus` section names."""
    named = {name: _section(corpus, key)[name] for name, key in keys_of(corpus).items()}
    return {name: place for name, place in named.items() if place is not None}


def with_copies(corpus: Mapping, folder: str) -> dict:
    """Return the `corpus` section with the path of its local copy, under `folder`, for each URL."""
    local = {**corpus, "audioset": dict(corpus["audioset"])}
    for name, key in keys_of(corpus).items():
        section = _section(local, key)
        if is_url(section[name]):
            section[name] = (PurePosixPath(folder) / COPIES[name]).as_posix()
    return local


def _section(corpus: Mapping, key: str) -> Mapping:
    return corpus["audioset"] if key.startswith("corpus.audioset.") else corpus
