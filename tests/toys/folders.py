"""A folder of recordings as a source of clips: the names of its subfolders are the labels.

In every subfolder, each third recording is for testing.
"""

import math
from collections.abc import Mapping
from pathlib import Path

from music_detectors.corpus.classes import ClassList
from music_detectors.corpus.inputs import needed
from music_detectors.corpus.sources import SPLITS, Listed, Listing

SECTION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["path"],
    "properties": {"path": {"type": "string", "description": "the path of a folder"}},
}
SOUND = "recordings"
REMEDY = "add recordings to the subfolders of corpus.folders.path"
COPIES: dict = {}
PUBLISHED: dict = {}


def files(corpus: Mapping) -> dict[str, str]:
    # A subfolder is newer than the tables when a recording has been added to it.
    return {f"label_{place}": str(folder) for place, folder in enumerate(_subfolders(corpus))}


def check(corpus: Mapping) -> None:
    needed(corpus, "path")


def has_addresses(corpus: Mapping) -> bool:
    """Return False: clips are files."""
    return False


def count(corpus: Mapping, seed: int) -> dict[str, int]:
    return {split: len(_recordings(corpus, split)) for split in SPLITS}


def classes(corpus: Mapping) -> Listed:
    names = [folder.name for folder in _subfolders(corpus)]
    return Listed([(name, name) for name in names], corpus["folders"]["path"], None)


def clips(corpus: Mapping, seed: int, classes: ClassList) -> dict[str, Listing]:
    listings = {}
    for split in SPLITS:
        paths = _recordings(corpus, split)
        clip_ids = [f"{path.parent.name}-{path.stem}" for path in paths]
        listings[split] = Listing(
            clip_ids=clip_ids,
            references=[str(path) for path in paths],
            starts=[0.0] * len(paths),
            ends=[math.nan] * len(paths),
            labels=[(path.parent.name,) for path in paths],
            groups=clip_ids,
        )
    return listings


def _subfolders(corpus: Mapping) -> list[Path]:
    return sorted(path for path in Path(corpus["folders"]["path"]).iterdir() if path.is_dir())


def _recordings(corpus: Mapping, split: str) -> list[Path]:
    return [
        path
        for folder in _subfolders(corpus)
        for place, path in enumerate(sorted(folder.glob("*.wav")))
        if (place % 3 == 2) == (split == "test")
    ]
