"""The classes of a corpus, and which of them are target and genres."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from music_detectors.common.errors import InputError
from music_detectors.corpus.audioset import read_class_list
from music_detectors.corpus.branches import Branches
from music_detectors.corpus.embedded import embedded_classes, embedded_ontology
from music_detectors.corpus.fsd50k import ground_truth, read_vocabulary
from music_detectors.corpus.manifest import Manifest, label_names, read_manifest
from music_detectors.corpus.names import Names
from music_detectors.corpus.ontology import Ontology, load_ontology

_TARGET = "configuration: corpus.target"


@dataclass(frozen=True)
class ClassList:
    """The classes, in the order of the networks' outputs, and the sets that they make up.

    `branches` holds, for every class, the name of its topmost ancestor (`target` or `other` where
    there is no ontology); `target` and `genres` hold ids; `known` finds a class by its name.
    """

    mids: tuple[str, ...]
    names: tuple[str, ...]
    branches: tuple[str, ...]
    target: frozenset[str]
    genres: frozenset[str]
    known: Names

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


def load_corpus_ontology(corpus: dict) -> Ontology | None:
    """Return the ontology of the `corpus` section of the configuration, None where it has none."""
    if corpus["source"] == "embedded":
        return Ontology.from_nodes(embedded_ontology(), "the embedded corpus")
    if corpus["ontology"] is not None:
        return load_ontology(corpus["ontology"])
    if corpus["source"] in ("audioset", "fsd50k"):
        raise InputError(
            "configuration: corpus.ontology must be the path of AudioSet's ontology.json when "
            f"corpus.source is {corpus['source']}"
        )
    return None


def load_manifest(corpus: dict, ontology: Ontology | None) -> Manifest:
    """Return the manifest that the `corpus` section names."""
    return read_manifest(corpus["manifest"]["path"], ontology, "corpus.manifest.path")


def load_classes(
    corpus: dict, ontology: Ontology | None, manifest: Manifest | None = None
) -> ClassList:
    """Return the classes of the `corpus` section, given its ontology and its manifest, if any.

    Raises InputError, naming the configuration's key, when the target is none of the classes (or
    of the ontology's), and when it has no class or every class.
    """
    if corpus["source"] == "embedded":
        classes, listed_in = embedded_classes(), "the embedded corpus"
    elif corpus["source"] == "audioset":
        listed_in = corpus["audioset"]["classes"]
        classes = read_class_list(listed_in, "corpus.audioset.classes")
    elif corpus["source"] == "fsd50k":
        listed_in = ground_truth(corpus["fsd50k"]["folder"])["vocabulary"]
        # FSD50K has taken the commas and spaces out of the names.
        classes = [
            (mid, ontology.names.get(mid, name))
            for mid, name in read_vocabulary(corpus["fsd50k"]["folder"])
        ]
    else:
        listed_in = corpus["manifest"]["path"]
        classes = label_names(manifest, ontology)
    targets = [corpus["target"]] if isinstance(corpus["target"], str) else corpus["target"]
    if ontology is None:
        found = _by_label(classes, targets, listed_in)
    else:
        found = _by_branch(classes, targets, listed_in, ontology)
    if len(found.target) == len(classes):
        raise InputError(
            f"{_TARGET} covers every class in {listed_in}: nothing is left to compare it with"
        )
    return found


def branches_of(classes: ClassList, ontology: Ontology | None) -> Branches:
    """Return the branches of a corpus with these classes."""
    if ontology is None:
        return Branches(classes.known, {mid: (mid,) for mid in classes.mids})
    own = {}
    for mid in ontology.names:
        below = ontology.descendants(mid)
        own[mid] = tuple(class_mid for class_mid in classes.mids if class_mid in below)
    return Branches(ontology.known, own)


def _by_branch(
    classes: Sequence[tuple[str, str]],
    targets: Sequence[str],
    listed_in: str,
    ontology: Ontology,
) -> ClassList:
    mids = [mid for mid, _ in classes]
    for mid, name in classes:
        if mid not in ontology.names:
            raise InputError(
                f"{listed_in}: the class {name!r} ({mid}) is not in {ontology.origin}; "
                "corpus.ontology must be the ontology that the classes come from"
            )
    branches = {mid: ontology.topmost(mid) for mid in mids}
    target: set[str] = set()
    genres: set[str] = set()
    for name in targets:
        top = ontology.known.find(name, _TARGET)
        below = ontology.descendants(top).intersection(mids)
        if not below:
            raise InputError(
                f"{_TARGET}: {name!r} covers none of the classes in {listed_in}; name a branch of "
                "the ontology that does"
            )
        # A class with several parents (Cowbell) counts to the branch it is studied in.
        branches.update(dict.fromkeys(below - target, ontology.topmost(top)))
        target |= below
        genres |= ontology.genres(top).intersection(mids)
    return ClassList(
        mids=tuple(mids),
        names=tuple(name for _, name in classes),
        branches=tuple(branches[mid] for mid in mids),
        target=frozenset(target),
        genres=frozenset(genres),
        known=Names(dict(classes), listed_in),
    )


def _by_label(
    classes: Sequence[tuple[str, str]],
    targets: Sequence[str],
    listed_in: str,
) -> ClassList:
    known = Names(dict(classes), listed_in, are_labels=True)
    target = frozenset(known.find(name, _TARGET) for name in targets)
    mids = tuple(known.names)
    return ClassList(
        mids=mids,
        names=tuple(name for _, name in classes),
        branches=tuple("target" if mid in target else "other" for mid in mids),
        target=target,
        genres=frozenset(),
        known=known,
    )
