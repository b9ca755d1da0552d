"""What can be known of a corpus before any rule has run: whether it makes sense, and its size.

The Snakefile calls these while it is read, so nothing heavy is imported here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from music_detectors.common.errors import InputError
from music_detectors.common.urls import is_url
from music_detectors.corpus.audioset import count_segments
from music_detectors.corpus.classes import (
    branches_of,
    load_classes,
    load_corpus_ontology,
    load_manifest,
)
from music_detectors.corpus.embedded import planned_counts
from music_detectors.corpus.fsd50k import count_clips
from music_detectors.corpus.locations import configured
from music_detectors.corpus.manifest import SPLITS, assign_splits

_WHAT_DECIDES = {
    "embedded": "corpus.embedded.clips_per_class decides that",
    "manifest": "list more clips or groups in corpus.manifest.path, or set its column split",
    "fsd50k": "corpus.fsd50k.folder decides that",
    "audioset": "corpus.audioset.train_segments and test_segments decide that",
}


def check_corpus(corpus: dict, withhold: Mapping[str, Sequence[str]]) -> None:
    """Check the target and the branches that conditions withhold against the corpus's classes.

    `withhold` has the list of each condition. Where the ontology or the list of classes is a URL,
    the rules that read it check the names.
    Raises InputError, naming the configuration's key or the file, when a name is no class or
    branch, when target or withheld cover every class, or when a file cannot be read.
    """
    places = configured(corpus)
    if is_url(places.get("ontology")) or is_url(places.get("classes")):
        return
    ontology = load_corpus_ontology(corpus)
    manifest = load_manifest(corpus, ontology) if corpus["source"] == "manifest" else None
    branches = branches_of(load_classes(corpus, ontology, manifest), ontology)
    for condition, names in withhold.items():
        branches.within(names, f"configuration: conditions.{condition}.withhold")


def clip_counts(corpus: dict, seed: int) -> dict[str, int]:
    """Return how many clips each split of the corpus will have, as `build_corpus` makes it.

    For a list of segments that is a URL, that is what corpus.audioset.clips says.

    Raises InputError when a file cannot be read or a split is without clips.
    """
    source = corpus["source"]
    if source == "embedded":
        counts = planned_counts(corpus["embedded"]["clips_per_class"])
    elif source == "fsd50k":
        counts = {split: count_clips(corpus["fsd50k"]["folder"], split) for split in SPLITS}
    elif source == "audioset":
        counts = {}
        for split in SPLITS:
            key = f"{split}_segments"
            place = corpus["audioset"][key]
            counts[split] = (
                corpus["audioset"]["clips"][split]
                if is_url(place)
                else count_segments(place, f"corpus.audioset.{key}")
            )
    else:
        ontology = load_corpus_ontology(corpus)
        manifest = load_manifest(corpus, ontology)
        classes = load_classes(corpus, ontology, manifest)
        roles = classes.roles(manifest.labels)
        counts = Counter(assign_splits(manifest, roles, corpus["manifest"]["test_fraction"], seed))
    require_clips(counts, source)
    return {split: counts[split] for split in SPLITS}


def require_clips(counts: Mapping[str, int], source: str, what: str = "") -> None:
    """Check that `counts`, clips by split, has some for every split.

    Raises InputError that names the split, `what` clips it lacks and what decides on that.
    """
    for split in SPLITS:
        if not counts.get(split):
            kind = f"{what} clips" if what else "clips"
            raise InputError(
                f"configuration: corpus has no {kind} in the {split} split; {_WHAT_DECIDES[source]}"
            )
