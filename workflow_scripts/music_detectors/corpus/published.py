"""Tables of clips as they were published, read as if they had the columns of a manifest.

The Snakefile calls these while it is read, so nothing heavy is imported here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, zip_longest
from typing import NamedTuple

from music_detectors.common.errors import InputError, one_line
from music_detectors.corpus.inputs import nearest

_TEXT = {"type": "string", "minLength": 1}
COLUMN = {
    "anyOf": [
        _TEXT,
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["column", "values"],
            "properties": {
                "column": _TEXT,
                "values": {"type": "object", "minProperties": 1, "additionalProperties": _TEXT},
            },
        },
    ],
    "description": "the name of a column, a text with such names in braces (../audio/{filename}), "
    'or {column: fold, values: {"1": train, "2": test}}, where values are texts',
}
"""The JSON schema of one entry of `columns`."""

_CELL = {"type": ["string", "integer", "boolean"]}
ONLY = {
    "type": ["object", "null"],
    "minProperties": 1,
    "description": "columns, each with the values of the rows to use, or null for all rows",
    "additionalProperties": {
        "anyOf": [_CELL, {"type": "array", "minItems": 1, "items": _CELL}],
        "description": "a value, or a list of values",
    },
}
"""The JSON schema of `only`."""

_COLUMNS_KEY = "corpus.manifest.columns"
_ONLY_KEY = "corpus.manifest.only"
# {name}, {name:06}, {name:06:3} or {name:3}.
_REFERENCE = re.compile(r"\{([^{}:]+)(?::0([1-9][0-9]?))?(?::([1-9][0-9]?))?\}")
_MOST_HEADER_LINES = 4


class _Part(NamedTuple):
    """A part of a text: the text `before`, then the cell of `column`.

    The cell gets zeros in front up to `width` characters, of which the first `length` are taken
    (0: all).
    """

    before: str
    column: str
    width: int
    length: int

    def of(self, cell: str) -> str:
        padded = cell.rjust(self.width, "0") if cell else cell
        return self.before + (padded[: self.length] if self.length else padded)


class _Recipe(NamedTuple):
    """How a cell is made: of `parts`, and the text `after` them; then `values` may replace it."""

    parts: tuple[_Part, ...]
    after: str
    values: Mapping[str, str]


class Published:
    """How the rows of a published table become rows of a manifest."""

    def __init__(self, columns: Mapping, only: Mapping | None) -> None:
        """Take `columns` and `only` of `corpus.manifest`: what cells are made of, which rows count.

        Raises InputError for a text that cannot be understood.
        """
        self._recipes = {name: _recipe(name, how) for name, how in columns.items()}
        self._only = {
            name: [str(value) for value in (how if isinstance(how, list | tuple) else [how])]
            for name, how in (only or {}).items()
        }

    @property
    def needed(self) -> list[tuple[str, str]]:
        """The table's own columns that are read, each with the key that names it."""
        named = [
            (part.column, f"{_COLUMNS_KEY}.{name}")
            for name, recipe in self._recipes.items()
            for part in recipe.parts
        ]
        return named + [(name, _ONLY_KEY) for name in self._only]

    def places(self, path: object, names: Sequence[str]) -> dict[str, int]:
        """Return where the columns in `needed` stand among `names`, those of the table at `path`.

        Raises InputError for a column that is not there, or there twice.
        """
        found = {}
        for column, key in self.needed:
            if column not in names:
                there = ", ".join(dict.fromkeys(filter(None, names)))
                raise InputError(
                    f"{path}: {key} names the column {one_line(column, 60)!r}, which is not there"
                    f"{nearest(column, names) or '; its columns are ' + one_line(there, 200)}"
                )
            if names.count(column) > 1:
                raise InputError(f"{path}: {key} names the column {column!r}, which occurs twice")
            found[column] = names.index(column)
        return found

    def chosen(self, path: object, cells: Mapping[str, Sequence[str]]) -> list[int]:
        """Return the places of the rows that count; `cells` are the table's, by column.

        Raises InputError for a value that no row has.
        """
        rows: Iterable[int] = range(len(next(iter(cells.values()), ())))
        for column, values in self._only.items():
            _check_values(path, f"{_ONLY_KEY}.{column}", values, column, cells[column])
            rows = [row for row in rows if cells[column][row] in values]
        return list(rows)

    def cells(
        self, path: object, cells: Mapping[str, Sequence[str]], rows: Sequence[int]
    ) -> dict[str, list[str]]:
        """Return the cells of `rows` by the columns of a manifest; `cells` are the table's own.

        Raises InputError where `values` names one that no row of the table has.
        """
        made = {}
        for name, recipe in self._recipes.items():
            if recipe.values:
                column = recipe.parts[0].column
                _check_values(
                    path, f"{_COLUMNS_KEY}.{name}.values", recipe.values, column, cells[column]
                )
            own = [(part, cells[part.column]) for part in recipe.parts]
            texts = ("".join(part.of(column[row]) for part, column in own) for row in rows)
            made[name] = [
                recipe.values.get(text, text) for text in (text + recipe.after for text in texts)
            ]
        return made


def read_names(
    rows: Iterator[tuple[int, list[str]]],
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Return the names of a table's columns, and an iterator over the rows after them.

    `rows` are line numbers and cells. A table may have several lines of names, as pandas writes
    them: each begins with an empty cell, and below them a line holds nothing but the name of the
    first column. Then the names of a column are joined by a dot: `track.genre_top`.
    """
    lines = list(islice(rows, 1))
    while lines and not lines[-1][1][:1] > [""] and len(lines) < _MOST_HEADER_LINES:
        more = next(rows, None)
        if more is None:
            break
        lines.append(more)
    cells = [row for _, row in lines] or [[]]
    if len(cells) > 2 and cells[-1][:1] > [""] and not any(cells[-1][1:]):
        columns = zip_longest(*cells, fillvalue="")
        return [".".join(filter(None, map(str.strip, column))) for column in columns], rows
    return list(map(str.strip, cells[0])), chain(lines[1:], rows)


def _recipe(name: str, how: str | Mapping) -> _Recipe:
    """Return how the column `name` of a manifest is made, `how` being what its key says."""
    if not isinstance(how, str):
        return _Recipe((_Part("", how["column"], 0, 0),), "", how["values"])
    if "{" not in how and "}" not in how:
        return _Recipe((_Part("", how, 0, 0),), "", {})
    parts, end = [], 0
    for found in _REFERENCE.finditer(how):
        width, length = (int(number or 0) for number in found.groups()[1:])
        parts.append(_Part(how[end : found.start()], found[1], width, length))
        end = found.end()
    texts = [*(part.before for part in parts), how[end:]]
    if not parts or any(brace in text for brace in "{}" for text in texts):
        raise InputError(
            f"configuration: {_COLUMNS_KEY}.{name} is {how!r}, which cannot be understood; write "
            "{name} for the cell of a column, {name:06} for six digits with zeros in front, "
            "{name:06:3} for the first three of them, and {name:3} for the first three as they are"
        )
    return _Recipe(tuple(parts), how[end:], {})


def _check_values(
    path: object, key: str, values: Iterable[str], column: str, cells: Sequence[str]
) -> None:
    """Raise InputError for one of `values` that no row of the table at `path` has in `column`."""
    there = set(cells)
    for value in values:
        if value not in there:
            some = one_line(", ".join(sorted(there)), 200)
            raise InputError(
                f"{path}: {key} names {one_line(value, 60)!r}, which no row has in the column "
                f"{column!r}{nearest(value, there) or '; there are ' + some}"
            )
