"""AudioSet as a source of clips: its list of classes and its lists of segments."""

import csv
import io
import math
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

from music_detectors.common.errors import InputError, Mistakes, one_line
from music_detectors.common.urls import is_url
from music_detectors.corpus.classes import ClassList
from music_detectors.corpus.inputs import (
    check_ontology_named,
    check_there,
    needed,
    opened,
    plain_seconds,
    repeated,
)
from music_detectors.corpus.names import check_class
from music_detectors.corpus.ontology import PUBLISHED_ONTOLOGY, load_ontology
from music_detectors.corpus.sources import SPLITS, Copy, Listed, Listing

SECTION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["classes", "train_segments", "test_segments", "clips"],
    "properties": {
        "classes": {"$ref": "#/$defs/path"},
        "train_segments": {"$ref": "#/$defs/path"},
        "test_segments": {"$ref": "#/$defs/path"},
        "clips": {
            "type": "object",
            "additionalProperties": False,
            "required": ["train", "test"],
            "properties": {
                "train": {"$ref": "#/$defs/clips"},
                "test": {"$ref": "#/$defs/clips"},
            },
        },
    },
}
SOUND = "audioset"
REMEDY = "corpus.audioset.train_segments and test_segments decide that"
PUBLISHED = {
    "ontology": PUBLISHED_ONTOLOGY,
    "classes": (
        "class_labels_indices.csv",
        "cdd1049833c4b86127c2773ac0d14a2754b6a6d0d1798002ed5c66e699708429",
    ),
    "train_segments": (
        "balanced_train_segments.csv",
        "3b83e5ff9ed72cfda37d4e36ce08250e107c1ea70f109f6ab6668ac200db5e94",
    ),
    "test_segments": (
        "eval_segments.csv",
        "f7055f53935f70e74e39494a5c8c4c78f1700fce275028bd36e31186f33d45db",
    ),
    # This one is the study's authors'; the digest is that of its set of ids, in whatever file.
    "withheld_clips": (
        "list of clips with unlabelled music",
        "2b4d8ac2184064238cab1e6c46df6fbab5343eceff2ff08fa0431ca914c59904",
    ),
}

_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_COUNT = re.compile(r"(num_[a-z_]+)=([0-9]+)")
# What may begin a line that is blank or a comment: see _data_lines.
_OTHER = re.compile(r'\n(?:[\s#]|"?YTID)')
# Characters read at a time where lines are only counted.
_BLOCK = 1 << 18
_FORM = 'YTID, start_seconds, end_seconds, "label,label"'


def files(corpus: Mapping) -> dict[str, str]:
    """Return the paths or URLs of the list of classes and the lists of segments."""
    return {name: corpus["audioset"][name] for name in COPIES}


def check(corpus: Mapping) -> None:
    """Check that the lists and an ontology are named, and there where they are no URLs."""
    mistakes = Mistakes()
    for name in COPIES:
        with mistakes.noted():
            check_there(needed(corpus, name), f"corpus.audioset.{name}", may_be_url=True)
    with mistakes.noted():
        check_ontology_named(corpus)
    mistakes.report()


def has_addresses(corpus: Mapping) -> bool:
    """Return False: clips are YouTube ids."""
    return False


def count(corpus: Mapping, seed: int) -> dict[str, int]:
    """Return the number of segments listed; of a list that is a URL, the configured number."""
    section = corpus["audioset"]
    return {
        split: section["clips"][split]
        if is_url(section[f"{split}_segments"])
        else count_segments(section[f"{split}_segments"], f"corpus.audioset.{split}_segments")
        for split in SPLITS
    }


def classes(corpus: Mapping) -> Listed:
    """Return the listed classes and AudioSet's ontology."""
    check_ontology_named(corpus)
    path = corpus["audioset"]["classes"]
    return Listed(
        read_class_list(path, "corpus.audioset.classes"), path, load_ontology(corpus["ontology"])
    )


def clips(corpus: Mapping, seed: int, classes: ClassList) -> dict[str, Listing]:
    """Return the listed segments; those of one video are a group."""
    known = frozenset(classes.mids)
    listings = {}
    for split in SPLITS:
        key = f"{split}_segments"
        segments = read_segments(corpus["audioset"][key], known, f"corpus.audioset.{key}")
        listings[split] = Listing(
            clip_ids=segments.clip_ids,
            references=segments.youtube_ids,
            starts=segments.starts,
            ends=segments.ends,
            labels=segments.labels,
            groups=segments.youtube_ids,
        )
    return listings


class Segments(NamedTuple):
    """A list of segments, column by column, in the order of the file."""

    clip_ids: list[str]
    youtube_ids: list[str]
    starts: list[float]
    ends: list[float]
    labels: list[tuple[str, ...]]


def read_class_list(path: str | os.PathLike, key: str) -> list[tuple[str, str]]:
    """Return the id (MID) and name of every class in a `class_labels_indices.csv`, by index.

    Raises InputError, naming the file and line, when the columns are not index, mid and
    display_name, the indices do not count from 0, or a class occurs twice.
    """
    classes: list[tuple[str, str]] = []
    known: set[str] = set()
    with opened(path, key) as file:
        rows = csv.reader(file, skipinitialspace=True)
        try:
            header = next(rows, [])
            if header != ["index", "mid", "display_name"]:
                raise InputError(
                    f"{path}: its first line is {one_line(','.join(header), 80)!r}, not "
                    f"index,mid,display_name; {key} takes AudioSet's class_labels_indices.csv"
                )
            for row in rows:
                if not row:
                    continue
                where = f"{path}, line {rows.line_num}"
                if len(row) != 3 or not row[1] or not row[2]:
                    raise InputError(f"{where}: an index, a MID and a name are expected")
                if row[0] != str(len(classes)):
                    raise InputError(
                        f"{where}: index {one_line(row[0], 40)!r} where {len(classes)} is due"
                    )
                check_class(row[1], row[2], where)
                if row[1] in known:
                    raise InputError(f"{where}: the class {row[1]} occurs twice")
                known.add(row[1])
                classes.append((row[1], row[2]))
        except csv.Error as error:
            raise InputError(f"{path}, line {rows.line_num}: {one_line(error)}") from error
    if not classes:
        raise InputError(f"{path}: lists no classes; fetch it again")
    return classes


def read_segments(path: str | os.PathLike, known: Collection[str], key: str) -> Segments:
    """Read a list of segments: YouTube id, start and end in seconds, labels among `known`.

    A clip's id is `<YouTube id>_<start>` with three decimals. Copies that have lost the header,
    the space after the comma or the quotes are read too; the counts in a header are checked.
    Raises InputError naming the file and line.
    """
    segments = Segments([], [], [], [], [])
    comments: list[str] = []
    # Times and sets of labels recur: each is parsed once.
    times: dict[tuple[str, str], tuple[float, float, str]] = {}
    label_sets: dict[str, tuple[str, ...]] = {}
    is_youtube_id = _YOUTUBE_ID.fullmatch
    with opened(path, key) as file:
        for number, line in _data_lines(file, comments):
            fields = line.split(",", 3)
            if len(fields) != 4:
                raise InputError(_not_a_segment(path, number, line))
            youtube_id = fields[0].strip(' "')
            if not is_youtube_id(youtube_id):
                raise InputError(
                    f"{path}, line {number}: {one_line(youtube_id, 80)!r} is not a YouTube id"
                )
            span = times.get((fields[1], fields[2]))
            if span is None:
                span = times[fields[1], fields[2]] = _parse_times(path, number, *fields[1:3])
            labels = label_sets.get(fields[3])
            if labels is None:
                labels = label_sets[fields[3]] = _parse_labels(path, number, fields[3], known)
            segments.clip_ids.append(youtube_id + span[2])
            segments.youtube_ids.append(youtube_id)
            segments.starts.append(span[0])
            segments.ends.append(span[1])
            segments.labels.append(labels)
    if not segments.clip_ids:
        raise InputError(f"{path}: lists no segments; fetch it again, or correct {key}")
    _check_counts(path, comments, segments, label_sets)
    twice = repeated(segments.clip_ids)
    if twice is not None:
        raise InputError(f"{path}: the clip {twice} occurs twice; keep one of the lines")
    return segments


def count_segments(path: str | os.PathLike, key: str) -> int:
    """Return how many segments `read_segments` would find, without reading what they are.

    Raises InputError when the file cannot be opened, or its first line is no segment.
    """
    count = 0
    with opened(path, key) as file:
        # Every job on a cluster counts again, so lines are inspected one by one only if they must
        # be.
        while block := file.read(_BLOCK):
            block += file.readline()
            if count and not _may_hold_others(block):
                count += block.count("\n") + (block[-1] != "\n")
                continue
            for number, line in _data_lines(io.StringIO(block, newline=""), []):
                if not count and line.count(",") < 3:
                    raise InputError(_not_a_segment(path, number, line))
                count += 1
    return count


def _may_hold_others(block: str) -> bool:
    """Return whether a line of `block` may be no segment, or end in a way that is no line feed."""
    odd_ends = "\r" in block and block.count("\r") != block.count("\r\n")
    return odd_ends or _OTHER.search(f"\n{block}") is not None


def _data_lines(file: TextIO, comments: list[str]) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines that are segments; collect the others in `comments`."""
    for number, line in enumerate(file, start=1):
        text = line.strip()
        if not text:
            continue
        # Some copies have lost the # before the names of the columns.
        if text[0] == "#" or text.startswith(("YTID,", '"YTID"')):
            comments.append(text)
        else:
            yield number, text


def _not_a_segment(path: str | os.PathLike, number: int, line: str) -> str:
    return f"{path}, line {number}: {one_line(line, 80)!r} has not the form {_FORM}"


def _parse_times(
    path: str | os.PathLike, number: int, start: str, end: str
) -> tuple[float, float, str]:
    first, last = (plain_seconds(text.strip(' "\r\n')) for text in (start, end))
    if not (0 <= first < last < math.inf):
        raise InputError(
            f"{path}, line {number}: start {one_line(start.strip(), 40)} and end "
            f"{one_line(end.strip(), 40)} are not seconds with 0 <= start < end"
        )
    return first, last, f"_{first:.3f}"


def _parse_labels(
    path: str | os.PathLike, number: int, text: str, known: Collection[str]
) -> tuple[str, ...]:
    labels = tuple(dict.fromkeys(label.strip() for label in text.replace('"', "").split(",")))
    for label in labels:
        if label not in known:
            raise InputError(
                f"{path}, line {number}: the label {one_line(label, 80)!r} is not in the list of "
                "classes"
            )
    return labels


def _check_counts(
    path: str | os.PathLike,
    comments: list[str],
    segments: Segments,
    label_sets: dict[str, tuple[str, ...]],
) -> None:
    # As texts, since there may be more digits than a number can have.
    said = {name: count for comment in comments for name, count in _COUNT.findall(comment)}
    if not said:
        return
    found = {
        "num_segs": len(segments.clip_ids),
        "num_ytids": len(set(segments.youtube_ids)),
        "num_unique_labels": len(set().union(*label_sets.values())),
        "num_positive_labels": sum(map(len, segments.labels)),
    }
    for name, count in found.items():
        if said.get(name, str(count)) != str(count):
            raise InputError(
                f"{path}: its header says {name}={one_line(said[name], 40)}, but there are "
                f"{count}; fetch it again, or delete its # lines if it is a selection of yours"
            )


def _read_classes(path: Path, key: str, before: Mapping[str, Path]) -> None:
    read_class_list(path, key)


def _read_segments(path: Path, key: str, before: Mapping[str, Path]) -> None:
    listed = read_class_list(before["classes"], "corpus.audioset.classes")
    read_segments(path, {mid for mid, _ in listed}, key)


# In this order, since the labels of segments are looked up among the classes.
COPIES = {
    "classes": Copy("class_labels_indices.csv", _read_classes),
    "train_segments": Copy("train_segments.csv", _read_segments),
    "test_segments": Copy("test_segments.csv", _read_segments),
}
