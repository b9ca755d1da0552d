"""The hierarchy of sound classes, in the form in which AudioSet publishes it.

Gemmeke et al. (2017), Audio Set: an ontology and human-labeled dataset for audio events, ICASSP.
The hierarchy is a directed graph without cycles rather than a tree: a class may have more than one
parent.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from music_detectors.common.errors import InputError, one_line
from music_detectors.corpus.inputs import opened
from music_detectors.corpus.names import Names, check_class, check_id

PUBLISHED_ONTOLOGY = (
    "ontology.json",
    "9c685f4403eecc3ca9be37fd7285cf212feaaea6ff7229d3e7ca89e0d1f2d15d",
)
"""Name and SHA-256 of the ontology as AudioSet gave it out."""


@dataclass(frozen=True)
class Ontology:
    """The classes of sound and their children.

    `names` maps every class's id (MID) to its name and `children` to the ids of its children, both
    in the order of the source; `origin` is the source, for messages.
    """

    names: Mapping[str, str]
    children: Mapping[str, tuple[str, ...]]
    origin: str

    @classmethod
    def from_nodes(cls, nodes: Sequence[Mapping], origin: str) -> "Ontology":
        """Build an ontology from AudioSet's nodes: mappings with `id`, `name` and `child_ids`.

        Raises InputError, naming `origin` and the node, for a node of another form, an id that
        occurs twice, a child that is no node, and a class that is its own descendant.
        """
        if not isinstance(nodes, Sequence) or isinstance(nodes, str) or not nodes:
            raise InputError(f"{origin}: not an ontology: a list of classes is expected")
        names: dict[str, str] = {}
        children: dict[str, tuple[str, ...]] = {}
        for place, node in enumerate(nodes, start=1):
            if not _is_node(node):
                raise InputError(
                    f"{origin}: class {place} in the list has not the form "
                    '{"id": text, "name": text, "child_ids": [texts]}'
                )
            check_class(node["id"], node["name"], origin)
            for child in node["child_ids"]:
                check_id(child, origin)
            if node["id"] in names:
                raise InputError(f"{origin}: the id {node['id']!r} occurs twice")
            names[node["id"]] = node["name"]
            children[node["id"]] = tuple(node["child_ids"])
        for mid, below in children.items():
            for child in below:
                if child not in names:
                    raise InputError(
                        f"{origin}: {names[mid]!r} has the child {child!r}, which is not a class "
                        "in it"
                    )
        ontology = cls(names, children, origin)
        ontology._check_cycles()
        return ontology

    @cached_property
    def known(self) -> Names:
        """The classes by id and name."""
        return Names(self.names, self.origin)

    def descendants(self, mid: str) -> frozenset[str]:
        """Return the ids of the class `mid` and of everything below it."""
        found: set[str] = set()
        waiting = [mid]
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                waiting.extend(self.children[current])
        return frozenset(found)

    def topmost(self, mid: str) -> str:
        """Return the name of the topmost ancestor of the class `mid` (itself, if it has none).

        Where a class has several parents, the one that comes first in the ontology is followed.
        """
        while mid in self._first_parents:
            mid = self._first_parents[mid]
        return self.names[mid]

    def genres(self, mid: str) -> frozenset[str]:
        """Return the ids of the direct children of the class's genre node.

        That is the node named after the class `mid`: `Music genre` for `Music`. The set is empty
        where there is no such node.
        """
        return frozenset(
            child
            for node in self.known.by_name.get(f"{self.names[mid]} genre", ())
            for child in self.children[node]
        )

    @cached_property
    def _first_parents(self) -> dict[str, str]:
        parents: dict[str, str] = {}
        for mid, below in self.children.items():
            for child in below:
                parents.setdefault(child, mid)
        return parents

    def _check_cycles(self) -> None:
        # Take away classes without parents until none is left; what remains hangs in a cycle.
        parents = dict.fromkeys(self.names, 0)
        for below in self.children.values():
            for child in below:
                parents[child] += 1
        waiting = [mid for mid, count in parents.items() if count == 0]
        while waiting:
            mid = waiting.pop()
            del parents[mid]
            for child in self.children[mid]:
                parents[child] -= 1
                if parents[child] == 0:
                    waiting.append(child)
        for mid in parents:
            if any(mid in self.descendants(child) for child in self.children[mid]):
                raise InputError(f"{self.origin}: {self.names[mid]!r} ({mid}) is its own ancestor")


def load_ontology(path: str | os.PathLike, key: str = "corpus.ontology") -> Ontology:
    """Read an ontology in the form of AudioSet's `ontology.json`.

    Raises InputError, naming the file (or, when it cannot be opened, the configuration's `key`),
    when it is no such ontology.
    """
    with opened(path, key) as file:
        try:
            nodes = json.load(file)
        # ValueError also where a number has very many digits.
        except (ValueError, RecursionError) as error:
            if isinstance(error, UnicodeDecodeError):
                raise
            raise InputError(
                f"{path}: not JSON ({one_line(error)}); {key} takes AudioSet's ontology.json"
            ) from error
    return Ontology.from_nodes(nodes, str(path))


def _is_node(node: object) -> bool:
    return (
        isinstance(node, Mapping)
        and isinstance(node.get("id"), str)
        and isinstance(node.get("name"), str)
        and isinstance(node.get("child_ids"), Sequence)
        and not isinstance(node["child_ids"], str)
        and all(isinstance(child, str) for child in node["child_ids"])
    )
