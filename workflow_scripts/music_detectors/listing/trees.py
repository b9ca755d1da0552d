"""What a folder of recordings is: a published data set, one folder for each class, or music."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from music_detectors.audio.extensions import stem
from music_detectors.common.errors import InputError, one_line
from music_detectors.corpus.published import Published
from music_detectors.corpus.sources.manifest import read_manifest

MUSIC = "Music"
"""The label of music without a genre."""

_GENRES = frozenset("blues classical country disco hiphop jazz metal pop reggae rock".split())
# 1-100032-A.ogg: fold, recording on Freesound, take; newer files also have the class.
_ESC_FILE = re.compile(r"[1-5]-([0-9]+)-[A-Z](?:-[0-9]+)?\.")
_ESC_FOLDER = re.compile(r"[0-9]{3} - (.+)")
_GTZAN_FILE = re.compile(r"([a-z]+)\.[0-9]{5}\.(?:au|wav|mp3|flac|ogg)$")
# What operating systems and file servers leave in folders.
_OF_SYSTEMS = frozenset(
    "thumbs.db,desktop.ini,__macosx,@eadir,$recycle.bin,lost+found,system volume information".split(
        ","
    )
)
_TAKE = re.compile(r"[ _.-]+(?:[0-9]{1,3}|[A-Za-z])$")


class Recording(NamedTuple):
    """A sound file, its label, and its group: what it is cut from or who plays, or nothing."""

    path: str
    label: str
    group: str


@dataclass
class Tree:
    """What was found in a folder: `kind` says what it is.

    `left_out` has the files that are not listed, by reason, and `remarks` what the reader of the
    manifest should know. With `spread`, a recording may be cut into several clips. `genres` are
    labels that are genres of music.
    """

    folder: str
    kind: str
    spread: bool
    recordings: list[Recording] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    remarks: list[str] = field(default_factory=list)
    genres: list[str] = field(default_factory=list)


class _Table(NamedTuple):
    """A data set with a table: where it lies, how it is read, and labels that mean music."""

    name: str
    path: str
    columns: Mapping
    only: Mapping | None = None
    genres: bool = False
    music: tuple[str, ...] = ()


_TABLES = (
    _Table(
        "ESC-50",
        "meta/esc50.csv",
        {"path": "../audio/{filename}", "labels": "category", "group": "freesound-{src_file}"},
    ),
    _Table(
        "UrbanSound8K",
        "metadata/UrbanSound8K.csv",
        {
            "path": "../audio/fold{fold}/{slice_file_name}",
            "labels": "class",
            "group": "freesound-{fsID}",
        },
        music=("street_music",),
    ),
    *(
        _Table(
            f"FMA ({subset})",
            "fma_metadata/tracks.csv",
            {
                "path": f"../fma_{subset}/{{track_id:06:3}}/{{track_id:06}}.mp3",
                "labels": "track.genre_top",
                "group": "artist-{artist.id}",
            },
            only={"set.subset": subsets},
            genres=True,
        )
        for subset, subsets in (("small", ["small"]), ("medium", ["small", "medium"]))
    ),
)


def read_tree(folder: str, *, music: bool, only: Mapping[str, str] | None = None) -> Tree:
    """Return what is in `folder`: with `music`, a folder without labels is music, else refused.

    Of a data set with a table, `only` gives columns and the values of the rows to list. Raises
    InputError when the folder is not there, holds no sound files, has none in folders that could
    name their classes, or has no table for `only`.
    """
    if not os.path.isdir(folder):
        raise InputError(f"{folder}: there is no such folder")
    left_out: dict[str, list[str]] = defaultdict(list)
    sounds = list(_sound_files(folder, left_out))
    if not sounds:
        raise InputError(f"{folder}: holds no sound files that the workflow reads")
    tree = _by_table(folder, sounds, only)
    if only and tree is None:
        raise InputError(f"{folder}: has no table that the workflow knows, as --only needs")
    tree = tree or _as_gtzan(folder, sounds) or _as_esc(folder, sounds)
    if tree is None:
        tree = _as_music(folder, sounds) if music else _as_classes(folder, sounds)
    for reason, names in tree.left_out.items():
        left_out[reason] += names
    tree.left_out = left_out
    if not tree.recordings:
        raise InputError(f"{folder}: is {tree.kind}, but none of its recordings can be listed")
    return tree


def check_apart(folder: str, music: str) -> None:
    """Raise InputError where one folder holds the other: music would be among the other sounds."""
    first, second = os.path.realpath(folder), os.path.realpath(music)
    if os.path.commonpath([first, second]) in (first, second):
        raise InputError(
            f"{folder} and {music}: one holds the other, so music would be listed as another sound "
            "too; move the music out"
        )


def _sound_files(folder: str, left_out: dict[str, list[str]]) -> Iterator[str]:
    """Yield the sound files below `folder`, relative to it and in order; note other files."""
    root = os.path.realpath(folder)
    for place, folders, names in os.walk(folder, followlinks=True):
        for name in list(folders):
            path = os.path.join(place, name)
            if _is_of_system(name):
                folders.remove(name)
                left_out["hidden, or of the system"].append(_below(folder, place, name) + "/")
            elif os.path.islink(path) and _leads_back(path, root):
                folders.remove(name)
                left_out["a link to a folder that is listed"].append(_below(folder, place, name))
        folders.sort()
        for name in sorted(names):
            path = _below(folder, place, name)
            if _is_of_system(name):
                left_out["hidden, or of the system"].append(path)
            elif stem(name) is None:
                left_out["no sound file"].append(path)
            elif not _can_be_written(path):
                left_out["a name that a table cannot hold"].append(path)
            else:
                yield path


def _leads_back(link: str, root: str) -> bool:
    """Return whether a link leads into the folder `root`, or to one that holds it."""
    target = os.path.realpath(link)
    return os.path.commonpath([target, root]) in (target, root)


def _is_of_system(name: str) -> bool:
    return name.startswith(".") or name.lower() in _OF_SYSTEMS


def _below(folder: str, place: str, name: str) -> str:
    return os.path.relpath(os.path.join(place, name), folder)


def _can_be_written(path: str) -> bool:
    # Names that are not UTF-8 have characters that cannot be shown either.
    return path.isprintable() and path == path.strip()


def _parent(path: str) -> str:
    """Return the name of the folder that holds the file at `path`, or nothing."""
    return os.path.basename(os.path.dirname(path))


def _by_table(folder: str, sounds: list[str], only: Mapping[str, str] | None) -> Tree | None:
    for table in _TABLES:
        path = os.path.join(folder, table.path)
        audio = os.path.normpath(os.path.join(os.path.dirname(path), table.columns["path"]))
        # The part before the first cell.
        if os.path.isfile(path) and os.path.isdir(os.path.dirname(audio.partition("{")[0])):
            return _from_table(folder, sounds, table, {**(table.only or {}), **(only or {})}, path)
    return None


def _from_table(
    folder: str, sounds: list[str], table: _Table, only: Mapping[str, Any], path: str
) -> Tree:
    try:
        listed = read_manifest(path, None, "FOLDER", Published(table.columns, only))
    except InputError as error:
        raise InputError(f"{error} ({table.path} must be as {table.name} has it)") from None
    tree = Tree(folder, f"{table.name}, by its table {table.path}", spread=table.genres)
    there = dict.fromkeys(sounds)
    for own, labels, group in zip(listed.paths, listed.labels, listed.groups, strict=True):
        name = os.path.relpath(own, folder)
        if name not in there:
            tree.left_out[f"in {table.path}, but not there"].append(name)
            continue
        del there[name]
        label = MUSIC if labels[0] in table.music else labels[0]
        tree.recordings.append(Recording(name, label, group))
    asked = ", ".join(f"{column}={value}" for column, value in only.items())
    tree.left_out[f"not in {table.path}{f' with {asked}' if asked else ''}"] += there
    if table.genres:
        tree.genres = sorted({recording.label for recording in tree.recordings})
    return tree


def _as_gtzan(folder: str, sounds: list[str]) -> Tree | None:
    def genre(path: str) -> str | None:
        found = _GTZAN_FILE.match(os.path.basename(path))
        return found[1] if found and found[1] == _parent(path) and found[1] in _GENRES else None

    tree = _of_kind(folder, sounds, "GTZAN, one folder for each genre", genre, lambda path: "")
    if tree is not None:
        tree.spread = True
        tree.genres = sorted({recording.label for recording in tree.recordings})
        tree.remarks.append(
            "GTZAN does not say who plays, and has several tracks by one artist and some twice "
            "(Sturm, 2012): clips of train and test may be alike"
        )
    return tree


def _as_esc(folder: str, sounds: list[str]) -> Tree | None:
    def label(path: str) -> str | None:
        found = _ESC_FOLDER.fullmatch(_parent(path))
        return found[1] if found and _ESC_FILE.match(os.path.basename(path)) else None

    def group(path: str) -> str:
        found = _ESC_FILE.match(os.path.basename(path))
        return f"freesound-{found[1]}" if found else ""

    return _of_kind(folder, sounds, "ESC-10 or ESC-50, one folder for each class", label, group)


def _of_kind(
    folder: str,
    sounds: list[str],
    kind: str,
    label: Callable[[str], str | None],
    group: Callable[[str], str],
) -> Tree | None:
    """Return the tree with the sounds that have a `label`, or None if those are the fewer ones."""
    tree = Tree(folder, kind, spread=False)
    for path in sounds:
        name = label(path)
        if name is None:
            tree.left_out["not named as the others"].append(path)
        else:
            tree.recordings.append(Recording(path, name, group(path)))
    return tree if 2 * len(tree.recordings) > len(sounds) else None


def _as_classes(folder: str, sounds: list[str]) -> Tree:
    tree = Tree(folder, "one folder for each class", spread=False)
    for path in sounds:
        label, separator, _ = path.partition(os.sep)
        if not separator:
            tree.left_out["in no folder that names its class"].append(path)
        elif ";" in label or label != label.strip():
            tree.left_out["in a folder whose name cannot be a label (;)"].append(path)
        else:
            tree.recordings.append(Recording(path, label, ""))
    if not tree.recordings:
        raise InputError(
            f"{folder}: its sound files lie in no folders that name their classes; make one "
            "folder for each class (music alone is given with --music)"
        )
    _remark_on_takes(tree)
    return tree


def _as_music(folder: str, sounds: list[str]) -> Tree:
    tree = Tree(folder, "a folder of music", spread=True)
    tree.recordings = [Recording(path, MUSIC, stem(path) or path) for path in sounds]
    tree.remarks.append(
        "the track is the group; where several tracks are by one artist, write the artist into the "
        "column group instead"
    )
    return tree


def _remark_on_takes(tree: Tree) -> None:
    """Warn of files that look like several clips of one recording: they have no group."""
    of_one: Counter[str] = Counter()
    examples: dict[str, list[str]] = defaultdict(list)
    for path, label, _ in tree.recordings:
        name = stem(os.path.basename(path)) or ""
        beginning = _TAKE.sub("", name)
        # dog/dog-1.wav and dog/dog-2.wav are only counted.
        if beginning != name and beginning.casefold() != label.casefold():
            key = os.path.join(os.path.dirname(path), beginning)
            of_one[key] += 1
            examples[key].append(path)
    several = [key for key, n in of_one.items() if n > 1]
    if several:
        shown = " and ".join(one_line(path, 80) for path in examples[several[0]][:2])
        tree.remarks.append(
            f"{sum(of_one[key] for key in several)} files look like several clips of one recording "
            f"({shown}) and have no group, so one may be in train and another in test; write what "
            "they are cut from into the column group"
        )
