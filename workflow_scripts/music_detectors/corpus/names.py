"""Classes by name or id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from music_detectors.common.errors import InputError
from music_detectors.corpus.inputs import nearest


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
        found = self.by_name.get(name, ())
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

    @cached_property
    def by_name(self) -> dict[str, tuple[str, ...]]:
        """The ids that have each name."""
        by_name: dict[str, tuple[str, ...]] = {}
        for mid, name in self.names.items():
            by_name[name] = (*by_name.get(name, ()), mid)
        return by_name


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
