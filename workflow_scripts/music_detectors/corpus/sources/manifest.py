"""A manifest as a source of clips: the user's own list of recordings, as TSV or CSV."""

import csv
import hashlib
import json
import math
import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import Any, NamedTuple, TextIO
from urllib.parse import urlsplit

from music_detectors.common.errors import InputError, one_line
from music_detectors.common.seeds import seed_of
from music_detectors.common.urls import (
    CREDENTIALS,
    is_url,
    lacks_query,
    shown_url,
    url_problem,
    written_url,
)
from music_detectors.corpus.classes import ClassList, load_classes
from music_detectors.corpus.inputs import check_there, nearest, needed, opened, plain_seconds
from music_detectors.corpus.names import cannot_be_seen
from music_detectors.corpus.ontology import Ontology, load_ontology
from music_detectors.corpus.published import COLUMN, ONLY, Published, read_names
from music_detectors.corpus.sources import SPLITS, Copy, Listed, Listing

_COLUMNS = ("path", "labels", "clip_id", "start_seconds", "end_seconds", "split", "group")
# What a manifest may say about its recordings besides, for whoever plays them or passes them on.
_NOTES = ("licence", "license", "attribution")

SECTION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["path", "test_fraction", "columns", "only"],
    "properties": {
        "path": {"$ref": "#/$defs/path"},
        "test_fraction": {
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1,
            "description": "a number between 0 and 1",
        },
        "columns": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "required": ["path", "labels"],
            "properties": dict.fromkeys((*_COLUMNS, "licence", "attribution"), COLUMN),
            "description": "a mapping from columns of a manifest to those of the table, or null",
        },
        "only": ONLY,
    },
}
SOUND = "recordings"
REMEDY = "list more clips or groups in corpus.manifest.path, or set its column split"
COPIES: dict[str, Copy] = {}
PUBLISHED: dict[str, tuple[str, str]] = {}

_KEY = "corpus.manifest.path"
_CLIP_ID = re.compile(r"(?!\.+$)[A-Za-z0-9_.-]{1,120}")
_SOUND_FILES = frozenset("wav flac ogg oga opus mp3 m4a mp4 webm aac aif aiff au".split())
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DERIVED_ID_LENGTH = 90
_ROLE_BITS = {"target": 1, "other": 2, "mixed": 4}


def files(corpus: Mapping) -> dict[str, str]:
    """Return the path of the manifest."""
    return {"manifest": corpus["manifest"]["path"]}


def check(corpus: Mapping) -> None:
    """Check that the manifest is there, and the ontology too if one is named.

    Neither may be a URL: both are read before any rule has run.
    """
    check_there(needed(corpus, "path"), "corpus.manifest.path")
    if corpus["manifest"]["only"] is not None and corpus["manifest"]["columns"] is None:
        raise InputError(
            "configuration: corpus.manifest.only needs corpus.manifest.columns, which says what "
            "the table's columns are; a manifest without it lists the clips to use and no others"
        )
    if corpus["ontology"] is not None:
        check_there(corpus["ontology"], "corpus.ontology")


def has_addresses(corpus: Mapping) -> bool:
    """Return whether a recording is at an http(s) address."""
    return any(map(is_url, _manifest(corpus).paths))


def count(corpus: Mapping, seed: int) -> dict[str, int]:
    """Return the number of clips of each split, given or drawn."""
    counts = Counter(_splits(corpus, seed, load_classes(corpus)))
    return {split: counts[split] for split in SPLITS}


def classes(corpus: Mapping) -> Listed:
    """Return the labels that occur in the manifest."""
    ontology = _ontology(corpus)
    return Listed(label_names(_manifest(corpus), ontology), corpus["manifest"]["path"], ontology)


def clips(corpus: Mapping, seed: int, classes: ClassList) -> dict[str, Listing]:
    """Return the rows of the manifest, by split; without a group, a recording is one."""
    manifest = _manifest(corpus)
    splits = _splits(corpus, seed, classes)
    groups = _groups(manifest)
    listings = {}
    for split in SPLITS:
        chosen = [own == split for own in splits]
        listings[split] = Listing(
            clip_ids=list(compress(manifest.clip_ids, chosen)),
            references=list(compress(manifest.paths, chosen)),
            starts=list(compress(manifest.starts, chosen)),
            ends=list(compress(manifest.ends, chosen)),
            labels=list(compress(manifest.labels, chosen)),
            groups=list(compress(groups, chosen)),
        )
    return listings


def _ontology(corpus: Mapping) -> Ontology | None:
    return None if corpus["ontology"] is None else load_ontology(corpus["ontology"])


def _manifest(corpus: Mapping) -> "Manifest":
    section = corpus["manifest"]
    try:
        stamp = os.stat(section["path"]).st_mtime_ns
    except OSError:
        # Reading it says what is wrong.
        stamp = 0
    return _read_once(json.dumps(section, default=list), stamp, corpus["ontology"])


# The Snakefile needs the manifest for the classes and for the numbers of clips.
@lru_cache(maxsize=1)
def _read_once(section: str, stamp: int, ontology: str | None) -> "Manifest":
    known = None if ontology is None else load_ontology(ontology)
    own = json.loads(section)
    return read_manifest(own["path"], known, _KEY, _published(own))


def _published(section: Mapping) -> Published | None:
    return Published(section["columns"], section["only"]) if section["columns"] else None


def _splits(corpus: Mapping, seed: int, classes: ClassList) -> list[str]:
    manifest = _manifest(corpus)
    roles = classes.roles(manifest.labels)
    return assign_splits(manifest, roles, corpus["manifest"]["test_fraction"], seed)


def _groups(manifest: "Manifest") -> list[str]:
    """Return the group of each clip: the one given, else its recording."""
    return [
        group or _plain(recording)
        for group, recording in zip(manifest.groups, manifest.recordings, strict=True)
    ]


class Manifest(NamedTuple):
    """The clips of a manifest, column by column, in the order of its rows.

    `paths` lead from the working directory to the files (or are absolute), `recordings` are the
    paths as the manifest spells them, both with addresses as `written_url` returns them; `ends` are
    NaN where none is given, `splits` and `groups` empty where none is; `labels` are ids.
    """

    clip_ids: list[str]
    paths: list[str]
    recordings: list[str]
    starts: list[float]
    ends: list[float]
    labels: list[tuple[str, ...]]
    splits: list[str]
    groups: list[str]


class _BadCell(Exception):
    """What is wrong with one cell, for the message that names its line."""


def read_manifest(
    path: str | os.PathLike,
    ontology: Ontology | None,
    key: str,
    published: Published | None = None,
) -> Manifest:
    """Read the manifest at `path`, or the table there whose columns `published` explains.

    With an ontology, labels are names or ids in it; without one, a label is its own id. Raises
    InputError that names the manifest and the line of the first mistake and says how many more
    lines have one; `key` is the configuration's key that names the manifest.
    """
    lines, cells, mistakes = _read_cells(path, key, published)

    def parsed(name: str, parse: Callable[[str], Any]) -> list:
        return _parse_column(name, cells[name], parse, lines, mistakes)

    recordings = parsed("path", _parse_path)
    labels = parsed("labels", lambda cell: _parse_labels(cell, ontology))
    given_ids = parsed("clip_id", _parse_clip_id)
    starts = parsed("start_seconds", lambda cell: _parse_seconds("start_seconds", cell or "0"))
    ends = parsed(
        "end_seconds", lambda cell: _parse_seconds("end_seconds", cell) if cell else math.nan
    )
    splits = parsed("split", _parse_split)
    groups = parsed("group", _parse_group)
    for line, mistake in (
        *_empty_segments(lines, starts, ends),
        *_repeated_ids(lines, given_ids),
        *_divided_groups(lines, groups, splits),
    ):
        mistakes.setdefault(line, mistake)
    if not mistakes:
        clip_ids = _fill_ids(given_ids, recordings, starts, ends)
        mistakes.update(_repeated_segments(lines, given_ids, clip_ids))
    if mistakes:
        first = min(mistakes)
        more = f" (and {len(mistakes) - 1} more lines with mistakes)" if len(mistakes) > 1 else ""
        raise InputError(f"{path}, line {first}: {mistakes[first]}{more}")
    if not lines:
        raise InputError(f"{path}: lists no clips; add a row for each")
    # Never a bare name, which could begin with a dash or look like a protocol to a decoder.
    folder = os.path.dirname(path) or "."
    beginning = os.path.join(folder, "")
    paths = [own if os.path.isabs(own) or is_url(own) else beginning + own for own in recordings]
    return Manifest(clip_ids, paths, recordings, starts, ends, labels, splits, groups)


def find_addresses(section: Mapping, references: Iterable[str]) -> dict[str, str]:
    """Return the address in the manifest that each of `references` stands for.

    Queries of addresses may be secret and are written to no table: only the manifest has them.
    `section` is corpus.manifest of the configuration. Of `references`, those with nothing left out
    are not looked for. Raises InputError when the manifest does not list one.
    """
    wanted = {reference for reference in references if lacks_query(reference)}
    if not wanted:
        return {}
    path = section["path"]
    _, cells, _ = _read_cells(path, _KEY, _published(section))
    queried = {written_url(cell): cell for cell in cells["path"] if "?" in cell and is_url(cell)}
    found = {reference: queried[reference] for reference in wanted & queried.keys()}
    for reference in sorted(wanted - found.keys()):
        raise InputError(
            f"{path}: no longer lists the address {shown_url(reference)} with the query that the "
            "corpus was made with; run the same command again"
        )
    return found


def noted_terms(corpus: Mapping) -> dict[str, tuple[str, str]]:
    """Return the licence and the attribution of each clip of a manifest by its id, "" for none."""
    section = corpus["manifest"]
    manifest = _manifest(corpus)
    _, cells, _ = _read_cells(section["path"], _KEY, _published(section))
    licences = [
        licence or license
        for licence, license in zip(cells["licence"], cells["license"], strict=True)
    ]
    return dict(
        zip(manifest.clip_ids, zip(licences, cells["attribution"], strict=True), strict=True)
    )


def label_names(manifest: Manifest, ontology: Ontology | None) -> list[tuple[str, str]]:
    """Return the id and name of every label that occurs in `manifest`.

    They are in the order of the ontology, or sorted if there is none.
    """
    labels = set().union(*set(manifest.labels))
    if ontology is None:
        return [(label, label) for label in sorted(labels)]
    return [(mid, name) for mid, name in ontology.names.items() if mid in labels]


def assign_splits(
    manifest: Manifest, roles: Sequence[str], test_fraction: float, seed: int
) -> list[str]:
    """Return the split of every clip, given or else drawn from `seed`.

    Clips without a split are drawn by group, or by recording where no group is given; if one clip
    of a group has a split, the others follow it. The groups are put in an order that depends on the
    seed and their names alone, and the first ones make up `test_fraction` of the clips: of those
    with the same labels, and then of target, other and mixed clips (`roles`) separately. So a clip
    that is added moves few of the others. Then a side without target or other clips gets a group of
    them, if there are two such groups.
    """
    side_of_group = {
        group: split
        for group, split in zip(manifest.groups, manifest.splits, strict=True)
        if group and split
    }
    splits = [
        split or side_of_group.get(group, "")
        for group, split in zip(manifest.groups, manifest.splits, strict=True)
    ]
    drawn = _Groups({}, [], [], [])
    membership: dict[int, int] = {}
    given: Counter = Counter()
    for place, (split, role) in enumerate(zip(splits, roles, strict=True)):
        if split:
            given[split, role] += 1
        else:
            group = manifest.groups[place]
            name = ("group", group) if group else ("recording", _plain(manifest.recordings[place]))
            membership[place] = drawn.add(name, _ROLE_BITS[role], manifest.labels[place])
    sides = _draw_sides(drawn, given, test_fraction, seed)
    for place, number in membership.items():
        splits[place] = sides[number]
    return splits


class _Groups(NamedTuple):
    """Groups of clips that go to one side: number by name; clips, role bits, labels by number.

    Of the labels of a group's clips only one set is kept, the first in alphabetical order.
    """

    numbers: dict[tuple[str, str], int]
    sizes: list[int]
    roles: list[int]
    labels: list[tuple[str, ...]]

    def add(self, name: tuple[str, str], role_bit: int, labels: tuple[str, ...]) -> int:
        """Count one clip to the group `name` and return the group's number."""
        number = self.numbers.setdefault(name, len(self.sizes))
        if number == len(self.sizes):
            self.sizes.append(1)
            self.roles.append(role_bit)
            self.labels.append(labels)
        else:
            self.sizes[number] += 1
            self.roles[number] |= role_bit
            self.labels[number] = min(self.labels[number], labels)
        return number


@dataclass(slots=True)
class _Stratum:
    """Groups that are alike: how many clips they have, and how many of them are for testing."""

    clips: int = 0
    taken: int = 0

    @classmethod
    def of_each(cls, kinds: Iterable[Hashable], sizes: Sequence[int]) -> list["_Stratum"]:
        """Return the stratum of each group, shared by those of one kind."""
        strata: defaultdict[Hashable, _Stratum] = defaultdict(cls)
        each = [strata[kind] for kind in kinds]
        for stratum, size in zip(each, sizes, strict=True):
            stratum.clips += size
        return each


def _draw_sides(
    groups: _Groups, given: Mapping[tuple[str, str], int], test_fraction: float, seed: int
) -> list[str]:
    """Return the split of each group; `given` counts the clips beside them by split and role."""
    drawn = sorted((seed_of(seed, "split", *name), name) for name in groups.numbers)
    order = [groups.numbers[name] for _, name in drawn]
    by_labels = _Stratum.of_each(zip(groups.roles, groups.labels, strict=True), groups.sizes)
    by_role = _Stratum.of_each(groups.roles, groups.sizes)
    sides = ["train"] * len(order)
    for number in order:
        size, stratum = groups.sizes[number], by_labels[number]
        if stratum.taken + size <= test_fraction * stratum.clips:
            sides[number] = "test"
            stratum.taken += size
            by_role[number].taken += size
    for number in order:
        size, stratum = groups.sizes[number], by_role[number]
        # To test when that brings the share nearer to the fraction than leaving it would.
        nearer = stratum.taken + size / 2 <= test_fraction * stratum.clips
        if nearer and sides[number] == "train":
            sides[number] = "test"
            stratum.taken += size
    _serve_both_sides(groups, order, given, sides)
    return sides


def _serve_both_sides(
    groups: _Groups,
    order: Sequence[int],
    given: Mapping[tuple[str, str], int],
    sides: list[str],
) -> None:
    """Move a group to each side that has no target or other clip, if the giver keeps some."""
    needed = ("target", "other")

    def held(number: int) -> list[str]:
        return [role for role in needed if groups.roles[number] & _ROLE_BITS[role]]

    holders = Counter(given)
    for number in order:
        holders.update((sides[number], role) for role in held(number))
    for role in needed:
        for side, giver in (SPLITS, SPLITS[::-1]):
            if holders[side, role]:
                continue
            spare = [
                number
                for number in order
                if sides[number] == giver
                and role in held(number)
                and all(holders[giver, own] > 1 for own in held(number))
            ]
            if spare:
                moved = min(spare, key=groups.sizes.__getitem__)
                sides[moved] = side
                for own in held(moved):
                    holders[giver, own] -= 1
                    holders[side, own] += 1


def _plain(recording: str) -> str:
    """Return a spelling of the path that is the same for `a.wav` and `./a.wav`."""
    return os.path.normpath(recording) if "./" in recording or "//" in recording else recording


def _read_cells(
    path: str | os.PathLike, key: str, published: Published | None
) -> tuple[list[int], dict[str, list[str]], dict[int, str]]:
    """Return line numbers, cells by column (empty for a column not there), and bad lines."""
    lines: list[int] = []
    mistakes: dict[int, str] = {}
    with opened(path, key) as file:
        delimiter = _delimiter(path, file)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            names, rows = read_names((reader.line_num, row) for row in reader)
            if published is None:
                _check_names(path, names, "tabs" if delimiter == "\t" else "commas")
                places = {name: place for place, name in enumerate(names)}
            else:
                places = published.places(path, names)
            columns: dict[str, list[str]] = {name: [] for name in places}
            for line, row in rows:
                if not any(row):
                    continue
                if len(row) > len(names):
                    mistakes[line] = (
                        f"{len(row)} cells, but the first line names {len(names)} columns"
                    )
                    continue
                # Spreadsheets leave out empty cells at the end of a row.
                row += [""] * (len(names) - len(row))
                lines.append(line)
                for name, place in places.items():
                    columns[name].append(row[place].strip())
        except csv.Error as error:
            raise InputError(
                f"{path}, line {reader.line_num}: {one_line(error)}; where a cell is in quotes, "
                'a quote in it must be doubled ("")'
            ) from error
    if published is not None:
        used = published.chosen(path, columns)
        columns = published.cells(path, columns, used)
        lines = [lines[row] for row in used]
    cells = {name: columns.get(name) or [""] * len(lines) for name in (*_COLUMNS, *_NOTES)}
    return lines, cells, mistakes


def _delimiter(path: str | os.PathLike, file: TextIO) -> str:
    """Return a tab or a comma, as the file's name says or else its first line."""
    first = file.readline()
    file.seek(0)
    by_extension = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
    sniffed = "\t" if "\t" in first else ","
    return by_extension.get(os.path.splitext(path)[1].lower(), sniffed)


def _check_names(path: str | os.PathLike, names: Sequence[str], separator: str) -> None:
    """Check the names of a manifest's columns; raise InputError for what cannot be one's."""
    known = (*_COLUMNS, *_NOTES)
    for name in names:
        if name not in known:
            shown = f"the column {one_line(name, 60)!r}" if name else "a column without a name"
            raise InputError(
                f"{path}: {shown} is not one of a manifest{nearest(name, known)}; there may be "
                f"{', '.join(known)}, separated by {separator} (of a table with other columns, "
                "corpus.manifest.columns says which is which)"
            )
        if names.count(name) > 1:
            raise InputError(f"{path}: the column {name!r} occurs twice")
    for name in ("path", "labels"):
        if name not in names:
            raise InputError(
                f"{path}: there is no column {name!r}; its first line must name the columns, "
                f"separated by {separator}, path and labels at least"
            )


def _parse_column(
    name: str,
    column: Sequence[str],
    parse: Callable[[str], Any],
    lines: Sequence[int],
    mistakes: dict[int, str],
) -> list:
    """Return what each cell of `column` says, None for a bad one; note bad ones in `mistakes`."""
    values: dict[str, Any] = {}
    bad: dict[str, str] = {}
    for cell in set(column):
        try:
            if _CONTROL.search(cell):
                shown = shown_url(cell) if is_url(cell) else one_line(cell, 80)
                raise _BadCell(f"{name} {shown!r} holds a control character")
            values[cell] = parse(cell)
        except _BadCell as mistake:
            values[cell] = None
            bad[cell] = str(mistake)
    if bad:
        for line, cell in zip(lines, column, strict=True):
            if cell in bad:
                mistakes.setdefault(line, bad[cell])
    return [values[cell] for cell in column]


def _parse_path(cell: str) -> str:
    if not cell:
        raise _BadCell("path is empty; give the sound file's")
    if not is_url(cell):
        return cell
    problem = url_problem(cell)
    if problem == CREDENTIALS:
        raise _BadCell(
            f"path is {problem}; download the recording by other means and give its path"
        )
    if problem:
        raise _BadCell(f"path {shown_url(cell)!r} is neither a path nor an http(s) address")
    return written_url(cell)


def _parse_labels(cell: str, ontology: Ontology | None) -> tuple[str, ...]:
    # One label, however its accents are stored.
    cell = unicodedata.normalize("NFC", cell)
    labels = list(dict.fromkeys(filter(None, map(str.strip, cell.split(";")))))
    if not labels:
        raise _BadCell("labels is empty; give one or more, joined by ;")
    _check_seen("labels", cell)
    if ontology is None:
        return tuple(labels)
    try:
        return tuple(dict.fromkeys(ontology.known.find(label, "labels") for label in labels))
    except InputError as error:
        raise _BadCell(str(error)) from error


def _parse_group(cell: str) -> str:
    _check_seen("group", cell)
    return cell


def _check_seen(name: str, cell: str) -> None:
    if cannot_be_seen(cell):
        raise _BadCell(f"{name} {one_line(ascii(cell), 80)} holds a character that cannot be seen")


def _parse_clip_id(cell: str) -> str:
    if cell and not _CLIP_ID.fullmatch(cell):
        raise _BadCell(
            f"clip_id {one_line(cell, 80)!r} is not 1 to 120 letters, digits, _, . and -"
        )
    return cell


def _parse_seconds(name: str, cell: str) -> float:
    seconds = plain_seconds(cell)
    if not (0 <= seconds < 1e9):
        raise _BadCell(f"{name} {one_line(cell, 40)!r} is not a number of seconds of at least 0")
    return seconds


def _parse_split(cell: str) -> str:
    if cell and cell not in SPLITS:
        raise _BadCell(
            f"split {one_line(cell, 40)!r} is neither train nor test (nor empty, to have it drawn)"
        )
    return cell


def _empty_segments(
    lines: Sequence[int], starts: Sequence[float | None], ends: Sequence[float | None]
) -> Iterator[tuple[int, str]]:
    for line, start, end in zip(lines, starts, ends, strict=True):
        if start is not None and end is not None and end <= start:
            yield line, f"end_seconds {end:g} is not after start_seconds {start:g}; correct either"


def _repeated_ids(lines: Sequence[int], clip_ids: Sequence[str]) -> Iterator[tuple[int, str]]:
    seen: dict[str, int] = {}
    for line, clip_id in zip(lines, clip_ids, strict=True):
        if clip_id and seen.setdefault(clip_id, line) != line:
            yield line, f"clip_id {clip_id!r} is on line {seen[clip_id]} already; change one"


def _divided_groups(
    lines: Sequence[int], groups: Sequence[str], splits: Sequence[str]
) -> Iterator[tuple[int, str]]:
    given: dict[str, tuple[int, str]] = {}
    for line, group, split in zip(lines, groups, splits, strict=True):
        if group and split:
            first_line, first_split = given.setdefault(group, (line, split))
            if first_split != split:
                yield (
                    line,
                    f"group {one_line(group, 80)!r} is in {split} here and in {first_split} on "
                    f"line {first_line}; a group must lie on one side",
                )


def _repeated_segments(
    lines: Sequence[int], given_ids: Sequence[str], clip_ids: Sequence[str]
) -> Iterator[tuple[int, str]]:
    """Yield the rows without a given id whose path and segment, and so id, another row has."""
    seen: dict[str, int] = {}
    for line, given, clip_id in zip(lines, given_ids, clip_ids, strict=True):
        if seen.setdefault(clip_id, line) != line and not given:
            yield (
                line,
                f"the same path and segment as line {seen[clip_id]}; give each a clip_id of its "
                "own, or remove one",
            )


def _fill_ids(
    given: Sequence[str],
    recordings: Sequence[str],
    starts: Sequence[float],
    ends: Sequence[float],
) -> list[str]:
    """Return the `given` ids, with one made from path and segment where none is.

    Where such an id is not one row's alone, a hash of path and segment becomes part of it.
    """
    segments = list(zip(recordings, starts, ends, strict=True))
    ids = [
        clip_id or _readable_id(*segment) for clip_id, segment in zip(given, segments, strict=True)
    ]
    uses = Counter(ids)
    return [
        clip_id if own or uses[clip_id] == 1 else f"{clip_id}_{_hash(*segment)}"
        for own, clip_id, segment in zip(given, ids, segments, strict=True)
    ]


def _readable_id(recording: str, start: float, end: float) -> str:
    # Of an address, the last part of its path.
    recording = os.path.abspath(urlsplit(recording).path) if is_url(recording) else recording
    name = _plain(recording.replace("\\", "/"))
    # The folder of an absolute path says nothing about the clip, and changes when it is moved.
    name = os.path.basename(name) if os.path.isabs(name) else name.lstrip("./").replace("/", "-")
    stem, _, extension = name.removesuffix(".gz").rpartition(".")
    if extension.lower() in _SOUND_FILES:
        name = stem
    if not name.isascii():
        letters = unicodedata.normalize("NFKD", name)
        name = "".join(letter for letter in letters if not unicodedata.combining(letter))
    name = _UNSAFE.sub("_", name)[-_DERIVED_ID_LENGTH:].strip(".") or "clip"
    is_whole_file = start == 0 and math.isnan(end)
    return name if is_whole_file else f"{name}_{start:.3f}"


def _hash(recording: str, start: float, end: float) -> str:
    segment = f"{_plain(recording)}\x1f{start!r}\x1f{end!r}"
    return hashlib.sha256(segment.encode()).hexdigest()[:12]
