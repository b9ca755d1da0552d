"""The embedded corpus: its classes, its ontology and which clips it has.

The package `synthesis` makes the sounds; this module says what each clip is, so that the plan
can be read without making a sound. `docs/embedded-corpus.md` describes the whole.
"""

import re
from collections.abc import Iterator, Mapping

from music_detectors.common.errors import InputError
from music_detectors.common.seeds import generator

SPLITS = ("train", "test")

PAIRED_ONE_IN = 4
"""One in so many natural clips has a second source, and with it a second label."""

MIXED_SHARE = 0.06
"""Share of all clips that hold music together with another sound."""

SINGING = "Singing"
POP = "Pop music"

_SEPARATOR = " + "

_NODES = (
    (
        "/m/0dgw9r",
        "Human sounds",
        ("/m/09l8g", "/m/09hlz4", "/m/0bpl036", "/m/0k65p", "/t/dd00012"),
    ),
    ("/m/09l8g", "Human voice", ("/m/09x0r", "/m/01j3sz", "/m/0463cq4", "/m/015lz1")),
    ("/m/09x0r", "Speech", ()),
    ("/m/01j3sz", "Laughter", ()),
    ("/m/0463cq4", "Crying, sobbing", ("/t/dd00002",)),
    ("/t/dd00002", "Baby cry, infant cry", ()),
    ("/m/015lz1", SINGING, ()),
    ("/m/09hlz4", "Respiratory sounds", ("/m/01b_21",)),
    ("/m/01b_21", "Cough", ()),
    ("/m/0bpl036", "Human locomotion", ("/m/07pbtc8",)),
    ("/m/07pbtc8", "Walk, footsteps", ()),
    ("/m/0k65p", "Hands", ("/m/0l15bq",)),
    ("/m/0l15bq", "Clapping", ()),
    ("/t/dd00012", "Human group actions", ("/m/0l15bq", "/m/03qtwd")),
    ("/m/03qtwd", "Crowd", ()),
    ("/m/0jbk", "Animal", ("/m/068hy", "/m/0ch8v", "/m/01280g")),
    ("/m/068hy", "Domestic animals, pets", ("/m/0bt9lr", "/m/01yrx")),
    ("/m/0bt9lr", "Dog", ("/m/05tny_",)),
    ("/m/05tny_", "Bark", ()),
    ("/m/01yrx", "Cat", ("/m/07qrkrw",)),
    ("/m/07qrkrw", "Meow", ()),
    ("/m/0ch8v", "Livestock, farm animals, working animals", ("/m/01xq0k1",)),
    ("/m/01xq0k1", "Cattle, bovinae", ("/m/07rpkh9",)),
    ("/m/07rpkh9", "Moo", ()),
    ("/m/01280g", "Wild animals", ("/m/015p6", "/m/03vt0")),
    ("/m/015p6", "Bird", ("/m/020bb7", "/m/04s8yn")),
    ("/m/020bb7", "Bird vocalization, bird call, bird song", ("/m/07pggtn",)),
    ("/m/07pggtn", "Chirp, tweet", ()),
    ("/m/04s8yn", "Crow", ("/m/07r5c2p",)),
    ("/m/07r5c2p", "Caw", ()),
    ("/m/03vt0", "Insect", ("/m/09xqv",)),
    ("/m/09xqv", "Cricket", ()),
    ("/m/04rlf", "Music", ("/m/0kpv1t",)),
    (
        "/m/0kpv1t",
        "Music genre",
        (
            "/m/064t9",
            "/m/06by7",
            "/m/02w4v",
            "/m/03_d0",
            "/m/0ggq0m",
            "/m/02lkt",
            "/m/0155w",
            "/m/02v2lh",
            "/m/0y4f8",
            "/m/02p0sh1",
        ),
    ),
    ("/m/064t9", POP, ()),
    ("/m/06by7", "Rock music", ()),
    ("/m/02w4v", "Folk music", ()),
    ("/m/03_d0", "Jazz", ()),
    ("/m/0ggq0m", "Classical music", ()),
    ("/m/02lkt", "Electronic music", ()),
    ("/m/0155w", "Blues", ()),
    ("/m/02v2lh", "New-age music", ()),
    ("/m/0y4f8", "Vocal music", ()),
    ("/m/02p0sh1", "Traditional music", ()),
    ("/m/059j3w", "Natural sounds", ("/m/03m9d0z", "/m/0jb2l", "/m/0838f", "/m/02_41")),
    ("/m/03m9d0z", "Wind", ()),
    ("/m/0jb2l", "Thunderstorm", ("/m/0ngt1",)),
    ("/m/0ngt1", "Thunder", ()),
    ("/m/0838f", "Water", ("/m/06mb1", "/m/0j6m2", "/m/05kq4")),
    ("/m/06mb1", "Rain", ()),
    ("/m/0j6m2", "Stream", ()),
    ("/m/05kq4", "Ocean", ("/m/034srq",)),
    ("/m/034srq", "Waves, surf", ()),
    ("/m/02_41", "Fire", ()),
    (
        "/t/dd00041",
        "Sounds of things",
        (
            "/m/07yv9",
            "/m/02mk9",
            "/t/dd00071",
            "/m/07pp_mv",
            "/t/dd00077",
            "/m/07k1x",
            "/m/039jq",
        ),
    ),
    ("/m/07yv9", "Vehicle", ("/m/06d_3", "/m/0k5j")),
    ("/m/06d_3", "Rail transport", ("/m/07jdr",)),
    ("/m/07jdr", "Train", ()),
    ("/m/0k5j", "Aircraft", ("/m/09ct_",)),
    ("/m/09ct_", "Helicopter", ()),
    ("/m/02mk9", "Engine", ()),
    ("/t/dd00071", "Domestic sounds, home sounds", ("/m/02dgv", "/m/0316dw")),
    ("/m/02dgv", "Door", ("/m/07r4wb8",)),
    ("/m/07r4wb8", "Knock", ()),
    ("/m/0316dw", "Typing", ()),
    ("/m/07pp_mv", "Alarm", ("/m/046dlr", "/m/03kmc9")),
    ("/m/046dlr", "Alarm clock", ()),
    ("/m/03kmc9", "Siren", ()),
    ("/t/dd00077", "Mechanisms", ("/m/01x3z",)),
    ("/m/01x3z", "Clock", ("/m/07qjznl",)),
    ("/m/07qjznl", "Tick-tock", ()),
    ("/m/07k1x", "Tools", ("/m/01b82r", "/m/0_ksk")),
    ("/m/01b82r", "Sawing", ()),
    ("/m/0_ksk", "Power tool", ("/m/01d380",)),
    ("/m/01d380", "Drill", ()),
    ("/m/039jq", "Glass", ("/m/07rn7sz",)),
    ("/m/07rn7sz", "Shatter", ()),
)
"""Identifier, name and children, in AudioSet's order; its other nodes are left out."""

_GENRE_NODE = "Music genre"


def embedded_ontology() -> list[dict]:
    """Return the part of AudioSet's ontology (Gemmeke et al., 2017) that the corpus uses.

    Each node has `id`, `name` and `child_ids`, as in AudioSet's `ontology.json`. Identifiers, names
    and parentage are AudioSet's.
    """
    return [{"id": mid, "name": name, "child_ids": list(ids)} for mid, name, ids in _NODES]


def embedded_classes() -> list[tuple[str, str]]:
    """Return the identifier and name of every class, in the order of the networks' outputs.

    The classes are the nodes that have no children: 30 natural sounds, 10 genres and Singing.
    """
    return [(mid, name) for mid, name, children in _NODES if not children]


def _genres() -> list[str]:
    names = {mid: name for mid, name, _ in _NODES}
    children = next(ids for _, name, ids in _NODES if name == _GENRE_NODE)
    return [names[mid] for mid in children]


def _natural_sounds() -> list[str]:
    apart = {*_genres(), SINGING}
    return [name for _, name in embedded_classes() if name not in apart]


def sources(reference: str) -> list[str]:
    """Return the names of the classes whose sounds the recipe `reference` mixes.

    A recipe is one class name or several joined by " + ", the main one first. Raises InputError
    when it is anything else.
    """
    names = reference.split(_SEPARATOR)
    known = {name for _, name in embedded_classes()}
    for name in names:
        if name not in known:
            raise InputError(
                f"recipe {reference!r}: {name!r} is no class of the embedded corpus; give class "
                f"names joined by {_SEPARATOR!r}"
            )
    return names


def planned_counts(clips_per_class: Mapping[str, int]) -> dict[str, int]:
    """Return the number of clips of each split, mixed clips included.

    `clips_per_class` maps "train" and "test" to the number of clips that each class leads.
    """
    return {
        split: _n_classes() * clips_per_class[split] + _n_mixed(clips_per_class[split])
        for split in SPLITS
    }


def _n_classes() -> int:
    return len(_natural_sounds()) + len(_genres())


def _n_mixed(clips_per_class: int) -> int:
    return round(_n_classes() * clips_per_class * MIXED_SHARE / (1 - MIXED_SHARE))


def planned_clips(clips_per_class: Mapping[str, int], seed: int) -> list[dict]:
    """Return the clips of the corpus, train before test.

    Each has `clip_id`, `split`, `reference` (the recipe that `synthesise` understands) and
    `labels` (the identifiers of the classes heard). `clips_per_class` is as for `planned_counts`.
    The classes take turns, so every shard holds all of them; the mixed clips come last. What a
    clip is depends on the seed and its name alone: with more clips the earlier ones stay the same.
    """
    mid_of = {name: mid for mid, name in embedded_classes()}
    clips = []
    for split in SPLITS:
        for clip_id, names in _recipes(split, clips_per_class[split], seed):
            clips.append(
                {
                    "clip_id": clip_id,
                    "split": split,
                    "reference": _SEPARATOR.join(names),
                    "labels": [mid_of[name] for name in names],
                }
            )
    return clips


def _recipes(split: str, clips_per_class: int, seed: int) -> Iterator[tuple[str, list[str]]]:
    natural, genres = _natural_sounds(), _genres()
    for number in range(clips_per_class):
        for place, name in enumerate(natural):
            clip_id = f"{split}-{_slug(name)}-{number:04d}"
            paired = (number + place) % PAIRED_ONE_IN == 0
            partners = [other for other in natural if other != name] if paired else []
            yield clip_id, [name, *_one_of(partners, seed, clip_id)]
        for name in genres:
            yield f"{split}-{_slug(name)}-{number:04d}", [name]
    for number in range(_n_mixed(clips_per_class)):
        clip_id = f"{split}-mixed-{number:04d}"
        if number % 2:
            yield clip_id, [POP, SINGING]
        else:
            yield clip_id, [genres[number // 2 % len(genres)], *_one_of(natural, seed, clip_id)]


def _one_of(names: list[str], seed: int, clip_id: str) -> list[str]:
    if not names:
        return []
    draw = generator(seed, "embedded plan", clip_id)
    return [names[draw.integers(len(names))]]


def _slug(name: str) -> str:
    return re.sub(r"[^a-z]+", "-", name.lower()).strip("-")
