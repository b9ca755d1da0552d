"""Which local recordings a file was made from, by their sizes and times.

A note beside the file, `.NAME.recordings`, says which recordings its job found, and where it looked
for others. When the workflow is planned, the notes are compared with the disk, and what has changed
decides on the `state` of the file, a param of its rule. A recording that is gone changes nothing:
what was made from it is kept. The Snakefile reads this, so nothing heavy is imported here.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from music_detectors.audio.extensions import stem
from music_detectors.common.files import replacing

Stamps = dict[str, list[int] | None]
"""The size in bytes and the time of the last change, in ns, of files, by path; None for one that is
not there."""


class Seen(NamedTuple):
    """The recordings of a job, and where others may be added.

    `files` are all that it asked for; `folder` was searched for names that hold one of `ids`.
    """

    files: Stamps
    folder: str | None = None
    ids: Sequence[str] = ()


def stamps(paths: Iterable[str | os.PathLike]) -> Stamps:
    """Return size and time of each of `paths`; links are followed."""
    found: Stamps = {}
    for path in paths:
        try:
            about = os.stat(path)
            found[os.fspath(path)] = [about.st_size, about.st_mtime_ns]
        # Names may hold characters that no path can have.
        except (OSError, ValueError):
            found[os.fspath(path)] = None
    return found


def see(
    paths: Iterable[str | os.PathLike], folder: str | None = None, ids: Sequence[str] = ()
) -> Seen:
    """Return what there is of `paths`, and of files in `folder` named after one of `ids`."""
    named = {} if folder is None else _named(folder, ids)
    return Seen(stamps([*paths, *chain.from_iterable(named.values())]), folder, ids)


def note_path(product: str | os.PathLike) -> Path:
    """Return the path of the note about the file at `product`."""
    return Path(product).with_name(f".{Path(product).name}.recordings")


def write_note(product: str | os.PathLike, seen: Seen, state: str | None) -> None:
    """Note what the file at `product` was made from, and the `state` that its job was given."""
    path = note_path(product)
    if not seen.files and seen.folder is None and state is None:
        path.unlink(missing_ok=True)
        return
    text = json.dumps([state, seen], separators=(",", ":")).encode()
    with replacing(path) as temporary:
        temporary.write_bytes(b"%08x %b\n" % (zlib.crc32(text), text))


def read_note(product: str | os.PathLike) -> tuple[str | None, Seen] | None:
    """Return the state and the recordings of the file at `product`, or None without a note.

    Those of a damaged note have changed.
    """
    try:
        content = note_path(product).read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return "damaged", Seen({})
    checksum, _, text = content.removesuffix(b"\n").partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return "damaged", Seen({})
    state, seen = json.loads(text)
    return state, Seen(*seen)


@cache
def states(products: tuple[str, ...]) -> dict[str, str | None]:
    """Return the state of each of `products`, which changes with the recordings it is made from.

    It changes when a recording is replaced, and when one is added where the job looked for it. It
    is None without a note, as before a file is made for the first time. Each process looks once, so
    that a job has the state of its plan.
    """
    found: dict[str, str | None] = dict.fromkeys(products)
    notes = {product: note for product in products if (note := read_note(product)) is not None}
    searched: dict[str, set[str]] = {}
    for _, seen in notes.values():
        if seen.folder is not None:
            searched.setdefault(seen.folder, set()).update(seen.ids)
    named = {folder: _named(folder, ids) for folder, ids in searched.items()}
    for product, (state, seen) in notes.items():
        paths = {*seen.files}
        if seen.folder is not None:
            paths.update(path for own in seen.ids for path in named[seen.folder].get(own, ()))
        now = stamps(paths)
        changed = [
            (path, stamp)
            for path, stamp in sorted(now.items())
            if stamp is not None and stamp != seen.files.get(path)
        ]
        found[product] = _digest([state, changed]) if changed else state
    return found


def walk(
    folder: str | os.PathLike, skipped: Callable[[OSError], object] = lambda error: None
) -> Iterator[os.DirEntry]:
    """Yield all entries under `folder` except folders; links to folders are not followed.

    `skipped` is told of each folder that cannot be read.
    """
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        yield entry
        except OSError as error:
            skipped(error)


def _named(folder: str, ids: Collection[str]) -> dict[str, list[str]]:
    """Return the sound files under `folder` whose names hold one of `ids`, by id.

    These are more than the files that are read: a name says more than the id, in several ways.
    """
    known = frozenset(ids)
    lengths = {len(one) for one in known}
    found: dict[str, list[str]] = {}
    for entry in walk(folder):
        name = stem(entry.name)
        if name is None:
            continue
        for length in lengths:
            for begin in range(len(name) - length + 1):
                part = name[begin : begin + length]
                if part in known:
                    found.setdefault(part, []).append(entry.path)
    return found


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
