"""The keys of the configuration that a plan fixes: those that results or verdicts depend on."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from music_detectors.corpus.sources import source_names

_FREE = (
    # Where the same files are, and how they are fetched. The plan has a digest of the clips.
    "corpus.shard_clips",
    "corpus.ontology",
    "corpus.withheld_clips",
    "corpus.audioset.*",
    "corpus.fsd50k.*",
    "corpus.manifest.path",
    "corpus.manifest.columns*",
    "corpus.manifest.only*",
    "audio.sources",
    "audio.folder",
    "audio.archives",
    "audio.ffmpeg",
    "audio.retries.*",
    "audio.download.*",
    "audio.youtube.*",
    "downloads.*",
    "probes.*.folder",
    "probes.*.zip",
    # What computes the networks.
    "networks.device",
    "networks.per_gpu",
    "networks.threads",
    "networks.memory_mb",
    # What other corpora stand beside.
    "corpora",
    # What the report plays.
    "report.*",
)


class Change(NamedTuple):
    """A key with its value in the plan and in the configuration; None where it has none."""

    key: str
    planned: object
    used: object

    def in_words(self) -> str:
        """Return the key and its values."""
        planned, used = (_shown(value) for value in (self.planned, self.used))
        return f"{self.key} (planned {planned}, now {used})"


def fixed_keys(configuration: Mapping) -> dict[str, object]:
    """Return the keys of `configuration` that a plan fixes, written with dots, and their values.

    Keys that say where files are, how they are fetched, or which processor is used are left out,
    and so are the sections of sources that the corpus does not have.
    """
    other = {f"corpus.{name}" for name in source_names()}
    other -= {f"corpus.{configuration['corpus']['source']}"}
    return {
        key: value
        for key, value in _flat(configuration)
        if not any(fnmatchcase(key, pattern) for pattern in _FREE)
        and not any(key == section or key.startswith(f"{section}.") for section in other)
    }


def digest_of(values: Mapping[str, object]) -> str:
    """Return a digest of 16 digits of keys and their values, whatever their order."""
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def changes(planned: Mapping[str, object], used: Mapping[str, object]) -> list[Change]:
    """Return the keys whose values differ, in the order of their names."""
    return [
        Change(key, planned.get(key), used.get(key))
        for key in sorted(planned.keys() | used.keys())
        if planned.get(key) != used.get(key) or (key in planned) != (key in used)
    ]


def _flat(values: Mapping, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{key}.")
        else:
            yield key, value


def _shown(value: object) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
