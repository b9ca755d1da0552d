"""The tables of a probe set: categories of sounds, and reference profiles."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from music_detectors.common.errors import InputError, one_line
from music_detectors.corpus.inputs import nearest, plain_number, repeated

if TYPE_CHECKING:
    import numpy as np

_HEADER = ["sound", "category"]
_MOST_COMPONENTS = 1_000
_MATLAB_VARIABLES = ("R", "component_names", "stim_names")


@dataclass(frozen=True)
class Reference:
    """Reference profiles: `responses` (sounds, components) float64, in the order of `sounds`."""

    sounds: list[str]
    components: list[str]
    responses: "np.ndarray"


def read_categories(content: bytes, origin: str) -> dict[str, str]:
    """Return the category of each sound, in the order of the table `content`.

    The table has two columns, sound and category, with or without that header: tab-separated where
    `origin` ends in .tsv, else separated by commas. Raises InputError, naming `origin` and line.
    """
    rows = _rows(content, origin)
    if rows and [field.lower() for field in rows[0][1]] == _HEADER:
        rows = rows[1:]
    categories: dict[str, str] = {}
    for number, row in rows:
        where = f"{origin}, line {number}"
        if len(row) != 2:
            raise InputError(f"{where}: has {len(row)} columns, not two, sound and category")
        sound, category = row
        if not sound or not category:
            what, of = ("category", sound) if sound else ("sound", category)
            raise InputError(f"{where}: {one_line(of, 80)!r} has no {what}; add it")
        if not (sound.isascii() and sound.isprintable()):
            raise InputError(
                f"{where}: the name of sound {one_line(sound, 80)!r} must be plain ASCII; rename it"
            )
        if sound in categories:
            raise InputError(f"{where}: sound {one_line(sound, 80)} occurs twice; remove one")
        categories[sound] = category
    if not categories:
        raise InputError(f"{origin}: lists no sound; each line has a sound and its category")
    return categories


def check_targets(
    categories: Mapping[str, str], targets: Mapping[str, Sequence[str]], key: str
) -> None:
    """Check that each of the `targets`' categories has a sound, and that other sounds are left.

    `categories` gives the category of each sound; `key` is that of the configuration. Raises
    InputError.
    """
    there = list(dict.fromkeys(categories.values()))
    for of_target in targets.values():
        for category in of_target:
            if category not in there:
                raise InputError(
                    f"{key}: no sound has the category {category!r}; there are "
                    f"{one_line(', '.join(there))}{nearest(category, there)}"
                )
        if set(there) <= set(of_target):
            raise InputError(f"{key}: every sound is in a category of the target; leave one out")


def read_reference(content: bytes, origin: str, sounds: Sequence[str]) -> Reference:
    """Return the reference profiles in `content`, in the order of `sounds`.

    `origin` is the name of the file: a MATLAB 5 file (.mat) with `R` (sounds, components),
    `component_names` and `stim_names`; or a table, tab-separated (.tsv) or separated by commas,
    whose header names the components after `sound`. Raises InputError when it cannot be read, or
    when its sounds are not `sounds`.
    """
    if PurePosixPath(origin).suffix.lower() == ".mat":
        found = _from_matlab(content, origin, len(sounds))
    else:
        found = _from_table(content, origin)
    return _ordered(found, origin, sounds)


def _rows(content: bytes, origin: str) -> list[tuple[int, list[str]]]:
    """Return number and fields, without spaces around them, of each line that is not blank."""
    delimiter = "\t" if origin.lower().endswith(".tsv") else ","
    try:
        text = content.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [(reader.line_num, [field.strip() for field in row]) for row in reader]
    except UnicodeDecodeError as error:
        raise InputError(f"{origin}: not UTF-8 text ({error.reason}); save it as UTF-8") from error
    except csv.Error as error:
        raise InputError(f"{origin}: is no table that can be read ({one_line(error)})") from error
    return [(number, row) for number, row in lines if any(row)]


def _from_table(content: bytes, origin: str) -> Reference:
    import numpy as np

    rows = _rows(content, origin)
    if not rows or rows[0][1][0].lower() != "sound" or len(rows[0][1]) < 2:
        raise InputError(
            f"{origin}: its first line must be a header: sound, then the names of the components"
        )
    components = rows[0][1][1:]
    values = []
    for number, row in rows[1:]:
        values.append([plain_number(field) for field in row[1:]])
        for field, value in zip(row[1:], values[-1], strict=True):
            if math.isnan(value):
                raise InputError(
                    f"{origin}, line {number}: {one_line(field, 40)!r} is not a number in plain "
                    "digits"
                )
        if len(values[-1]) != len(components):
            raise InputError(
                f"{origin}, line {number}: has {len(row) - 1} responses for {len(components)} "
                "components"
            )
    responses = np.array(values, dtype=np.float64).reshape(len(values), len(components))
    return Reference([row[0] for _, row in rows[1:]], components, responses)


def _from_matlab(content: bytes, origin: str, n_sounds: int) -> Reference:
    """Read a MATLAB 5 file, which holds numbers and texts and cannot run anything."""
    import numpy as np
    from scipy import io as matlab

    try:
        # The headers first: a small file may claim, or be compressed from, very large arrays.
        shapes = {name: shape for name, shape, _ in matlab.whosmat(io.BytesIO(content))}
    except Exception as error:  # SciPy raises errors of any kind on files that are none.
        raise _no_matlab(origin, error) from error
    for name in _MATLAB_VARIABLES:
        if name not in shapes:
            raise InputError(
                f"{origin}: has no variable {name}; it needs {', '.join(_MATLAB_VARIABLES)}"
            )
    n, k = shapes["R"] if len(shapes["R"]) == 2 else (0, 0)
    if n != n_sounds:
        raise InputError(
            f"{origin}: R is {' x '.join(map(str, shapes['R']))}, but the probe set has "
            f"{n_sounds} sounds; one row is needed for each"
        )
    if not 1 <= k <= _MOST_COMPONENTS:
        raise InputError(f"{origin}: R has {k} components; 1 to {_MOST_COMPONENTS:,} are possible")
    for name, length in (("stim_names", n), ("component_names", k)):
        if int(np.prod(shapes[name])) != length:
            raise InputError(
                f"{origin}: {name} is {' x '.join(map(str, shapes[name]))}, but R is {n} x {k}"
            )
    try:
        read = matlab.loadmat(io.BytesIO(content), variable_names=list(_MATLAB_VARIABLES))
        responses = np.asarray(read["R"], dtype=np.float64)
        names = {
            name: [str(np.asarray(cell).item()) for cell in read[name].ravel()]
            for name in _MATLAB_VARIABLES[1:]
        }
    except Exception as error:
        raise _no_matlab(origin, error) from error
    return Reference(names["stim_names"], names["component_names"], responses)


def _no_matlab(origin: str, error: Exception) -> InputError:
    return InputError(
        f"{origin}: is no MATLAB 5 file with texts and numbers ({one_line(error, 120)}); save it "
        "with -v7, or give a table"
    )


def _ordered(found: Reference, origin: str, sounds: Sequence[str]) -> Reference:
    """Return `found` in the order of `sounds`. Raises InputError unless it has just these."""
    import numpy as np

    for what, names in (("sound", found.sounds), ("component", found.components)):
        twice = repeated(names)
        if twice is not None:
            raise InputError(f"{origin}: {what} {one_line(twice, 80)!r} occurs twice")
        if not all(names):
            raise InputError(f"{origin}: a {what} has no name")
    places = {sound: place for place, sound in enumerate(found.sounds)}
    for sound in sounds:
        if sound not in places:
            raise InputError(
                f"{origin}: has no profile of sound {one_line(sound, 80)}"
                f"{nearest(sound, found.sounds)}"
            )
    if len(places) != len(sounds):
        unknown = next(sound for sound in found.sounds if sound not in set(sounds))
        raise InputError(
            f"{origin}: has {len(places)} sounds, but the probe set has {len(sounds)}; "
            f"{one_line(unknown, 80)} is not among them"
        )
    responses = found.responses[[places[sound] for sound in sounds]]
    wrong = np.argwhere(~np.isfinite(responses))
    if len(wrong):
        sound, component = sounds[wrong[0][0]], found.components[wrong[0][1]]
        raise InputError(
            f"{origin}: the response of {one_line(component, 80)} to {one_line(sound, 80)} is no "
            "finite number"
        )
    return Reference(list(sounds), found.components, responses)
