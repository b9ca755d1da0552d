"""The embedded corpus as a source of clips: everything follows from the seed, without files."""

import math
from collections.abc import Mapping

from music_detectors.corpus.classes import ClassList
from music_detectors.corpus.embedded import (
    embedded_classes,
    embedded_ontology,
    planned_clips,
    planned_counts,
)
from music_detectors.corpus.ontology import Ontology
from music_detectors.corpus.sources import SPLITS, Copy, Listed, Listing

SECTION = {
    "type": "object",
    "additionalProperties": False,
    "required": ["clips_per_class"],
    "properties": {
        "clips_per_class": {
            "type": "object",
            "additionalProperties": False,
            "required": ["train", "test"],
            "properties": {
                "train": {"$ref": "#/$defs/clips"},
                "test": {"$ref": "#/$defs/clips"},
            },
        }
    },
}
SOUND = "embedded"
REMEDY = "corpus.embedded.clips_per_class decides that"
COPIES: dict[str, Copy] = {}
PUBLISHED: dict[str, tuple[str, str]] = {}

_NAME = "the embedded corpus"


def files(corpus: Mapping) -> dict[str, str]:
    """Return no file."""
    return {}


def check(corpus: Mapping) -> None:
    """Accept every section that the schema accepts."""


def has_addresses(corpus: Mapping) -> bool:
    """Return False: clips are synthesised."""
    return False


def count(corpus: Mapping, seed: int) -> dict[str, int]:
    """Return the number of clips of each split, mixed clips included."""
    return planned_counts(corpus["embedded"]["clips_per_class"])


def classes(corpus: Mapping) -> Listed:
    """Return the classes of the embedded corpus, with its ontology."""
    ontology = Ontology.from_nodes(embedded_ontology(), _NAME)
    return Listed(embedded_classes(), _NAME, ontology)


def clips(corpus: Mapping, seed: int, classes: ClassList) -> dict[str, Listing]:
    """Return the clips; each is a recording of its own, and so a group of its own."""
    planned = planned_clips(corpus["embedded"]["clips_per_class"], seed)
    listings = {}
    for split in SPLITS:
        chosen = [clip for clip in planned if clip["split"] == split]
        clip_ids = [clip["clip_id"] for clip in chosen]
        listings[split] = Listing(
            clip_ids=clip_ids,
            references=[clip["reference"] for clip in chosen],
            starts=[0.0] * len(chosen),
            ends=[math.nan] * len(chosen),
            labels=[tuple(clip["labels"]) for clip in chosen],
            groups=clip_ids,
        )
    return listings
