"""FSD50K as a source of clips: its vocabulary and the ground truth of its two sets of clips.

Fonseca et al. (2022), FSD50K: an open dataset of human-labeled sound events, IEEE/ACM TASLP 30.
Its classes are AudioSet's, by MID, and its labels are propagated to the root of the ontology.
"""

import csv
import json
import math
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePath
from typing import NamedTuple

from music_detectors.common.errors import InputError, one_line
from music_detectors.corpus.classes import ClassList
from music_detectors.corpus.inputs import check_ontology_named, needed, opened, repeated
from music_detectors.corpus.names import check_class
from music_detectors.corpus.ontology import PUBLISHED_ONTOLOGY, load_ontology
from music_detectors.corpus.sources import SPLITS, Copy, Listed, Listing

SECTION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["folder"],
    "properties": {"folder": {"$ref": "#/$defs/path"}},
}
SOUND = "recordings"
REMEDY = "corpus.fsd50k.folder decides that"
COPIES: dict[str, Copy] = {}
PUBLISHED = {"ontology": PUBLISHED_ONTOLOGY}

_KEY = "corpus.fsd50k.folder"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PARTS = {"train": "dev", "test": "eval"}
_COLUMNS = ["fname", "labels", "mids"]


def files(corpus: Mapping) -> dict[str, str]:
    """Return the paths of the vocabulary and of the ground truth of each split."""
    return ground_truth(corpus["fsd50k"]["folder"])


def check(corpus: Mapping) -> None:
    """Check that the folder holds FSD50K's ground truth, and that an ontology is named."""
    folder = needed(corpus, "folder")
    if not os.path.isdir(os.path.join(folder, "FSD50K.ground_truth")):
        raise InputError(
            f"configuration: {_KEY} is {folder!r}, which holds no folder FSD50K.ground_truth; "
            "give the folder that FSD50K was unpacked in, or download it (docs/fsd50k.md)"
        )
    check_ontology_named(corpus)


def has_addresses(corpus: Mapping) -> bool:
    """Return False: clips are files."""
    return False


def count(corpus: Mapping, seed: int) -> dict[str, int]:
    """Return the number of clips in each set."""
    return {split: count_clips(corpus["fsd50k"]["folder"], split) for split in SPLITS}


def classes(corpus: Mapping) -> Listed:
    """Return the classes of the vocabulary, with the names that AudioSet's ontology gives them."""
    check_ontology_named(corpus)
    ontology = load_ontology(corpus["ontology"])
    # FSD50K has taken the commas and spaces out of the names.
    named = [
        (mid, ontology.names.get(mid, name))
        for mid, name in read_vocabulary(corpus["fsd50k"]["folder"])
    ]
    return Listed(named, ground_truth(corpus["fsd50k"]["folder"])["vocabulary"], ontology)


def clips(corpus: Mapping, seed: int, classes: ClassList) -> dict[str, Listing]:
    """Return the clips of each set; each is a recording, and so a group of its own."""
    known = frozenset(classes.mids)
    listings = {}
    for split in SPLITS:
        found = read_clips(corpus["fsd50k"]["folder"], split, known)
        listings[split] = Listing(
            clip_ids=found.clip_ids,
            references=found.paths,
            starts=[0.0] * len(found.clip_ids),
            ends=[math.nan] * len(found.clip_ids),
            labels=found.labels,
            groups=found.clip_ids,
        )
    return listings


class Clips(NamedTuple):
    """The clips of one split, column by column, in the order of the file; labels are MIDs."""

    clip_ids: list[str]
    paths: list[str]
    labels: list[tuple[str, ...]]


def ground_truth(folder: str | os.PathLike) -> dict[str, str]:
    """Return the paths of the files about FSD50K's clips under `folder`, by what they are."""
    base = PurePath(folder) / "FSD50K.ground_truth"
    names = {"vocabulary": "vocabulary.csv", "train": "dev.csv", "test": "eval.csv"}
    return {what: str(base / name) for what, name in names.items()}


def read_vocabulary(folder: str | os.PathLike) -> list[tuple[str, str]]:
    """Return the MID and name of every class, by index, from `vocabulary.csv` (no header).

    Names are as FSD50K spells them, without commas and spaces. Raises InputError naming the file
    and line.
    """
    path = ground_truth(folder)["vocabulary"]
    classes: list[tuple[str, str]] = []
    for number, row in _rows(path):
        if len(row) != 3 or row[0] != str(len(classes)) or not row[1] or not row[2]:
            raise InputError(
                f"{path}, line {number}: the index {len(classes)}, a name and a MID are expected"
            )
        check_class(row[2], row[1], f"{path}, line {number}")
        classes.append((row[2], row[1]))
    twice = repeated([mid for mid, _ in classes])
    if twice is not None:
        raise InputError(f"{path}: the class {twice} occurs twice; fetch it again")
    if not classes:
        raise InputError(f"{path}: lists no classes; fetch it again")
    return classes


def read_clips(folder: str | os.PathLike, split: str, known: Collection[str]) -> Clips:
    """Return the clips of `split`: the dev set (its train and val) is train, the eval set test.

    Labels must be among `known`. The sound files need not be there. Raises InputError naming the
    file and line.
    """
    path = ground_truth(folder)[split]
    audio = PurePath(folder) / f"FSD50K.{_PARTS[split]}_audio"
    clips = Clips([], [], [])
    for number, row in _clip_rows(path):
        where = f"{path}, line {number}"
        if len(row) < len(_COLUMNS) or not _NAME.fullmatch(row[0]):
            raise InputError(f"{where}: {one_line(','.join(row), 80)!r} is no clip of FSD50K")
        labels = tuple(dict.fromkeys(label.strip() for label in row[2].split(",")))
        for label in labels:
            if label not in known:
                raise InputError(
                    f"{where}: the label {one_line(label, 80)!r} is not in the vocabulary"
                )
        clips.clip_ids.append(row[0])
        clips.paths.append(str(audio / f"{row[0]}.wav"))
        clips.labels.append(labels)
    twice = repeated(clips.clip_ids)
    if twice is not None:
        raise InputError(f"{path}: the clip {twice} occurs twice; keep one of the lines")
    return clips


def terms_file(folder: str | os.PathLike) -> str:
    """Return the path of the file with the terms of the eval set's clips under `folder`."""
    return str(PurePath(folder) / "FSD50K.metadata" / "eval_clips_info_FSD50K.json")


def noted_terms(corpus: Mapping) -> dict[str, tuple[str, str]]:
    """Return the licence and the attribution of each clip of the eval set by its id.

    They are none where FSD50K.metadata is not there. Raises InputError, naming the file, for one
    that cannot be read.
    """
    path = terms_file(corpus["fsd50k"]["folder"])
    if not os.path.exists(path):
        return {}
    with opened(path, _KEY) as file:
        try:
            about = json.load(file)
            return {clip_id: _terms(clip_id, own) for clip_id, own in about.items()}
        except (ValueError, RecursionError, AttributeError) as error:
            raise InputError(
                f"{path}: not the list of FSD50K's clips ({one_line(error)}); fetch it again"
            ) from error


def _terms(clip_id: str, about: Mapping) -> tuple[str, str]:
    uploader = about.get("uploader")
    named = f"{uploader}, freesound.org/s/{clip_id}" if uploader else ""
    return str(about.get("license") or ""), named


def count_clips(folder: str | os.PathLike, split: str) -> int:
    """Return how many clips `read_clips` would find."""
    return sum(1 for _ in _clip_rows(ground_truth(folder)[split]))


def _clip_rows(path: str) -> Iterator[tuple[int, list[str]]]:
    rows = _rows(path)
    _, header = next(rows, (1, []))
    if header[: len(_COLUMNS)] != _COLUMNS:
        raise InputError(
            f"{path}: its first line is {one_line(','.join(header), 80)!r}, not "
            f"{','.join(_COLUMNS)}; {_KEY} takes the folder that holds FSD50K.ground_truth"
        )
    yield from rows


def _rows(path: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells of the rows that are not empty."""
    with opened(path, _KEY) as file:
        rows = csv.reader(file)
        try:
            yield from ((rows.line_num, row) for row in rows if row)
        except csv.Error as error:
            raise InputError(f"{path}, line {rows.line_num}: {one_line(error)}") from error
