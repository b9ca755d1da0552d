"""Classes by name or id, and which names and ids there may be."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from unicodedata import category, normalize

from music_detectors.common.errors import InputError, one_line
from music_detectors.corpus.inputs import nearest

# What people put between the labels of a clip where they do not use `;`. Space, _ and a hyphen in a
# word are no such separators, and brackets say what a name is about: Jingle (music).
_SEPARATOR = re.compile(r"[,;|/\\+&:>\u3001\u00b7\u2022]|\s[-\u2013\u2014]\s")
_EDGE = re.compile(r"^[\W_]+|[\W_]+$")
_BETWEEN_WORDS = re.compile(r"[\s_-]+")

_ID = re.compile(r"[A-Za-z0-9/_.-]{1,100}")
_LONGEST_NAME = 200
# Controls, formats and separators; and of Unicode's Default_Ignorable_Code_Point what is none of
# these, with the empty Braille pattern.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
_IGNORED = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U000e0000-\U000e0fff]"
)
# Words of Arabic and Indic scripts need joiners between letters, and so do some signs.
_JOINER = re.compile("(?<=[\u0600-\u1fff\u2190-\U0001faff])[\u200c\u200d](?=\\S)")


def cannot_be_seen(text: str) -> bool:
    """Return whether `text` has a character that nobody sees, so that it may pass for another."""
    if text.isascii():
        return not text.isprintable()
    rest = _JOINER.sub("", text).replace(" ", "")
    return any(category(c) in _UNSEEN for c in rest) or _IGNORED.search(rest) is not None


def check_class(mid: str, name: str, where: str) -> None:
    """Refuse an id or a name that would break a table, a list joined by `;`, or a terminal.

    `where` says where they stand. Raises InputError.
    """
    check_id(mid, where)
    if not name.strip() or len(name) > _LONGEST_NAME or ";" in name or cannot_be_seen(name):
        raise InputError(
            f"{where}: the class {mid} is called {one_line(repr(name), 80)}; a name has 1 to "
            f"{_LONGEST_NAME} characters that can be seen, without ;"
        )


def check_id(mid: str, where: str) -> None:
    """Refuse what is no id of a class; `where` says where it stands. Raises InputError."""
    if not _ID.fullmatch(mid):
        raise InputError(
            f"{where}: {one_line(repr(mid), 80)} is not an id: 1 to 100 letters, digits and "
            "/ _ . - such as /m/04rlf"
        )


@dataclass(frozen=True)
class Names:
    """Ids and their names, from `origin`; where they are labels, an id is its own name."""

    names: Mapping[str, str]
    origin: str
    are_labels: bool = False

    def find(self, name: str, asked_by: str) -> str:
        """Return the id of what is called `name`, which may also be the id itself.

        Raises InputError when there is none (with the closest name) or several of that name;
        `asked_by` says where the name stands, such as `configuration: corpus.target`.
        """
        if name in self.names:
            return name
        found = self.by_name.get(normalize("NFC", name), ())
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                f"{asked_by}: {name!r} is the name of {len(found)} classes in {self.origin}; "
                f"give the id instead: {' or '.join(found)}"
            )
        close = nearest(name, self.by_name)
        if self.are_labels:
            raise InputError(
                f"{asked_by}: {name!r} is no label in {self.origin}"
                f"{close or '; its labels are ' + _some(tuple(self.names))}"
            )
        raise InputError(
            f"{asked_by}: {name!r} is neither a name nor an id in {self.origin}{close}"
        )

    def check_spellings(self, chosen: Iterable[str], asked_by: str) -> None:
        """Refuse labels that hold the name of a chosen one without being chosen.

        `chosen` are ids; `asked_by` says where they stand. A label holds a name that differs from
        it in case, spaces, hyphens or marks around it alone, or that is one of its parts:
        `Music,Guitar` holds `music`. An ontology's names are as they should be. Raises InputError
        with both spellings.
        """
        if not self.are_labels:
            return
        own = set(chosen)
        parts = {mid: _parts(name) for mid, name in self.names.items()}
        held = [
            (label, name)
            for label in self.names
            for name in sorted(own)
            if label not in own and _holds(parts[label], parts[name])
        ]
        if held:
            label, name = (self.names[mid] for mid in held[0])
            n_more = len({label for label, _ in held}) - 1
            more = f" (and {n_more} more such label{'s' * (n_more > 1)})" if n_more else ""
            raise InputError(
                f"{asked_by}: {name!r} is named, and {label!r} in {self.origin} holds this name "
                f"but is another label{more}; spell them alike, join labels by ;, name both here, "
                "or rename one"
            )

    @cached_property
    def by_name(self) -> dict[str, tuple[str, ...]]:
        """The ids that have each name, in Unicode's form NFC."""
        by_name: dict[str, tuple[str, ...]] = {}
        for mid, name in self.names.items():
            name = normalize("NFC", name)
            by_name[name] = (*by_name.get(name, ()), mid)
        return by_name


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a name between separators, without what spellings of it differ in."""
    folded = normalize("NFKC", normalize("NFKC", name).casefold())
    plain = (_EDGE.sub("", part) for part in _SEPARATOR.split(folded))
    return tuple(_BETWEEN_WORDS.sub(" ", part) for part in plain if part)


def _holds(parts: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    """Return whether the parts `wanted` stand next to each other in `parts`."""
    n = len(wanted)
    return n > 0 and any(parts[at : at + n] == wanted for at in range(len(parts) - n + 1))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
