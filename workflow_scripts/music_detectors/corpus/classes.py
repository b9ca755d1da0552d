"""The classes of a corpus, and which of them are target and genres."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from music_detectors.common.errors import InputError
from music_detectors.corpus.branches import Branches
from music_detectors.corpus.names import Names
from music_detectors.corpus.ontology import Ontology
from music_detectors.corpus.sources import Listed, source_named


@dataclass(frozen=True)
class ClassList:
    """The classes, in the order of the networks' outputs, and the sets that they make up.

    `branches` holds, for every class, the name of its topmost ancestor (`target` or `other` where
    there is no ontology); `target` and `genres` hold ids; `known` has the names and ids that
    a configuration may use, and `members`, where there is no ontology, the labels of each name.
    """

    mids: tuple[str, ...]
    names: tuple[str, ...]
    branches: tuple[str, ...]
    target: frozenset[str]
    genres: frozenset[str]
    known: Names
    ontology: Ontology | None
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def role(self, labels: Iterable[str]) -> str:
        """Return `target` when all `labels` are target classes, `other` when none, or `mixed`."""
        inside = {label in self.target for label in labels}
        if len(inside) == 2:
            return "mixed"
        return "target" if inside == {True} else "other"

    def roles(self, label_sets: Sequence[tuple[str, ...]]) -> list[str]:
        """Return the role of each of `label_sets`, which are many but mostly alike."""
        roles = {labels: self.role(labels) for labels in set(label_sets)}
        return [roles[labels] for labels in label_sets]


def load_classes(corpus: Mapping) -> ClassList:
    """Return the classes of the `corpus` section.

    Raises InputError, naming the configuration's key, when the target is none of the classes (or
    of the ontology's), and when it has no class or every class.
    """
    listed = listed_classes(corpus)
    return classes_with_target(listed, corpus["target"], "configuration: corpus.target")


def listed_classes(corpus: Mapping) -> Listed:
    """Return the classes that the source of the `corpus` section lists, with its genres.

    Raises InputError, naming the configuration's key, for genres that are no labels, that an
    ontology has already, or that cannot be those of the target.
    """
    listed = source_named(corpus["source"]).classes(corpus)
    genres, target = corpus["genres"], corpus["target"]
    if genres is None:
        return listed
    key = "configuration: corpus.genres"
    if listed.ontology is not None:
        raise InputError(f"{key} must be null where corpus.ontology says what the genres are")
    if not isinstance(target, str):
        raise InputError(
            f"{key} says which labels make up the target, so corpus.target must be one name for "
            f"them, such as Music, not {' + '.join(target)}"
        )
    known = Names(dict(listed.classes), listed.origin, are_labels=True)
    return listed._replace(genres={target: tuple(known.find(genre, key) for genre in genres)})


def classes_with_target(listed: Listed, target: str | Sequence[str], key: str) -> ClassList:
    """Return the classes that a source lists, with those of `target`, a branch or several.

    `key` says where the target stands, for messages. Raises InputError when it is none of the
    classes (or of the ontology's), when it has no class or every class, and when another label
    holds its name.
    """
    targets = [target] if isinstance(target, str) else target
    if listed.ontology is None:
        found = _by_label(listed, targets, key)
    else:
        found = _by_branch(listed, targets, listed.ontology, key)
    if len(found.target) == len(found.mids):
        raise InputError(
            f"{key}: {' + '.join(targets)} covers every class in {listed.origin}: nothing is left "
            "to compare it with"
        )
    return found


def branches_of(classes: ClassList) -> Branches:
    """Return the branches of a corpus with these classes."""
    ontology = classes.ontology
    if ontology is None:
        return Branches(classes.known, classes.members)
    own = {}
    for mid in ontology.names:
        below = ontology.descendants(mid)
        own[mid] = tuple(class_mid for class_mid in classes.mids if class_mid in below)
    return Branches(classes.known, own)


def _by_branch(listed: Listed, targets: Sequence[str], ontology: Ontology, key: str) -> ClassList:
    mids = [mid for mid, _ in listed.classes]
    for mid, name in listed.classes:
        if mid not in ontology.names:
            raise InputError(
                f"{listed.origin}: the class {name!r} ({mid}) is not in {ontology.origin}; "
                "corpus.ontology must be the ontology that the classes come from"
            )
    branches = {mid: ontology.topmost(mid) for mid in mids}
    target: set[str] = set()
    genres: set[str] = set()
    for name in targets:
        top = ontology.known.find(name, key)
        below = ontology.descendants(top).intersection(mids)
        if not below:
            raise InputError(
                f"{key}: {name!r} covers none of the classes in {listed.origin}; name a branch "
                "of the ontology that does"
            )
        # A class with several parents (Cowbell) counts to the branch it is studied in.
        branches.update(dict.fromkeys(below - target, ontology.topmost(top)))
        target |= below
        genres |= ontology.genres(top).intersection(mids)
    return ClassList(
        mids=tuple(mids),
        names=tuple(name for _, name in listed.classes),
        branches=tuple(branches[mid] for mid in mids),
        target=frozenset(target),
        genres=frozenset(genres),
        known=ontology.known,
        ontology=ontology,
    )


def _by_label(listed: Listed, targets: Sequence[str], key: str) -> ClassList:
    labels = dict(listed.classes)
    members = {label: (label,) for label in labels}
    for name, genres in listed.genres.items():
        # The target's name may be a label too, of clips without a genre.
        members[name] = tuple(dict.fromkeys([*members.get(name, ()), *genres]))
    known = Names({name: name for name in members}, listed.origin, are_labels=True)
    found = [known.find(name, key) for name in targets]
    target = frozenset(label for name in found for label in members[name])
    known.check_spellings({*found, *target}, key)
    return ClassList(
        mids=tuple(labels),
        names=tuple(labels.values()),
        branches=tuple("target" if label in target else "other" for label in labels),
        target=target,
        genres=frozenset(genre for name in found for genre in listed.genres.get(name, ())),
        known=known,
        ontology=None,
        members=members,
    )
