"""What can be known of a corpus before any rule has run: whether it makes sense, and its size.

The Snakefile calls these while it is read, so nothing heavy is imported here.
"""

from collections.abc import Mapping, Sequence

from music_detectors.common.errors import InputError
from music_detectors.common.urls import is_url
from music_detectors.corpus.classes import branches_of, listed_classes, load_classes
from music_detectors.corpus.locations import configured
from music_detectors.corpus.sources import SPLITS, source_named
from music_detectors.corpus.targets import Target, check_targets

_MOST_SHARDS = 100_000


def check_corpus(
    corpus: Mapping,
    withhold: Mapping[str, Sequence[str]],
    further_targets: Sequence[Target] = (),
    *,
    condition: str = "",
    withheld_others: Sequence[str] = (),
) -> None:
    """Check the targets and the branches that conditions withhold against the corpus's classes.

    `withhold` has the list of each condition, `further_targets` are those beside `corpus.target`,
    `condition` and `withheld_others` are those of the claims.
    Where files about the classes are URLs, the rules that read them check the names. Raises
    InputError, naming the configuration's key or the file, when a name is no class or branch, when
    a target or withheld branches cover every class, when withheld ones leave a single class, when
    two targets have the same classes, when one of `withheld_others` withholds a branch of the
    target's or of `condition`, or when a file cannot be read.
    """
    places = configured(corpus)
    if any(is_url(place) for name, place in places.items() if name != "withheld_clips"):
        return
    classes = load_classes(corpus)
    check_targets(classes, further_targets, listed_classes(corpus))
    branches = branches_of(classes)
    for name, names in withhold.items():
        key = f"configuration: conditions.{name}.withhold"
        withheld = branches.within(names, key)
        left = [mid for mid in classes.mids if mid not in withheld]
        if len(left) == 1:
            raise InputError(
                f"{key} leaves a single class, {classes.known.names[left[0]]!r}, and networks "
                "learn to tell classes apart; give the clips that are left labels of two kinds or "
                "more, or withhold less"
            )
    branches.check_apart(withheld_others, corpus["target"], condition, withhold)


def clip_counts(corpus: Mapping, seed: int) -> dict[str, int]:
    """Return how many clips each split of the corpus will have, as `build_corpus` makes it.

    Raises InputError when a file cannot be read, or a split is without clips or has too many.
    """
    counts = source_named(corpus["source"]).count(corpus, seed)
    require_clips(counts, corpus["source"])
    for n_clips in counts.values():
        shard_names(n_clips, corpus["shard_clips"])
    return counts


def shard_names(n_clips: int, shard_clips: int) -> list[str]:
    """Return the names of the shards of a split: five digits. Raises InputError for too many."""
    n_shards = -(-n_clips // shard_clips)
    if n_shards > _MOST_SHARDS:
        raise InputError(
            f"configuration: corpus.shard_clips is {shard_clips}, which makes {n_shards} shards of "
            f"{n_clips} clips; there may be {_MOST_SHARDS}"
        )
    return [f"{shard:05d}" for shard in range(n_shards)]


def require_clips(counts: Mapping[str, int], source: str, what: str = "") -> None:
    """Check that `counts`, clips by split, has some for every split.

    Raises InputError that names the split, `what` clips it lacks and what to change.
    """
    for split in SPLITS:
        if not counts.get(split):
            kind = f"{what} clips" if what else "clips"
            raise InputError(
                f"configuration: corpus has no {kind} in the {split} split; "
                f"{source_named(source).REMEDY}"
            )
