"""The plan of the embedded corpus: classes, ontology, clips."""

import re
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_detectors.common.errors import InputError
from music_detectors.corpus.embedded import (
    embedded_classes,
    embedded_ontology,
    planned_clips,
    planned_counts,
    sources,
)

SIZES = {"train": 12, "test": 8}

NODES = {node["id"]: node for node in embedded_ontology()}
NAMES = dict(embedded_classes())
GENRES = next(node for node in NODES.values() if node["name"] == "Music genre")["child_ids"]
SINGING = next(mid for mid, name in NAMES.items() if name == "Singing")
NATURAL = set(NAMES) - set(GENRES) - {SINGING}


def clips(split):
    return [clip for clip in planned_clips(SIZES, 1) if clip["split"] == split]


def is_mixed(clip):
    return bool(set(clip["labels"]) & set(GENRES)) and bool(set(clip["labels"]) - set(GENRES))


def ancestors(mid):
    parents = [node["id"] for node in NODES.values() if mid in node["child_ids"]]
    return {mid}.union(*(ancestors(parent) for parent in parents))


def test_there_are_enough_classes():
    assert len(NATURAL) >= 24
    assert len(GENRES) >= 8
    assert {"Speech", "Baby cry, infant cry", "Vocal music", "Traditional music"} <= set(
        NAMES.values()
    )


def test_identifiers_and_names_have_audiosets_form_and_are_unique():
    for mid in NODES:
        assert re.fullmatch(r"/(m|t)/[0-9a-z_]+", mid)
    assert len({node["name"] for node in NODES.values()}) == len(NODES) == len(embedded_ontology())
    assert len(NAMES) == len(embedded_classes())


def test_every_child_is_a_node_and_every_class_hangs_below_one_of_audiosets_branches():
    children = [child for node in NODES.values() for child in node["child_ids"]]
    assert set(children) <= set(NODES)
    tops = {node["name"] for mid, node in NODES.items() if mid not in children}
    assert tops == {"Human sounds", "Animal", "Music", "Natural sounds", "Sounds of things"}
    for mid, name in embedded_classes():
        assert NODES[mid]["name"] == name
        branches = {NODES[a]["name"] for a in ancestors(mid)} & tops
        assert len(branches) == 1
        assert (branches == {"Music"}) == (mid in GENRES)


def test_singing_is_a_human_voice_and_no_music():
    assert {NODES[a]["name"] for a in ancestors(SINGING)} == {
        "Singing",
        "Human voice",
        "Human sounds",
    }


def test_train_comes_before_test_and_the_counts_are_as_planned():
    planned = planned_clips(SIZES, 1)
    splits = [clip["split"] for clip in planned]
    assert splits == sorted(splits, reverse=True)
    assert Counter(splits) == planned_counts(SIZES)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3))
def test_counts_equal_the_list(train, test, seed):
    sizes = {"train": train, "test": test}
    counts = Counter(clip["split"] for clip in planned_clips(sizes, seed))
    assert {split: counts[split] for split in sizes} == planned_counts(sizes)


@pytest.mark.parametrize("split", SIZES)
def test_each_natural_sound_and_genre_leads_as_many_clips_as_asked_for(split):
    first = Counter(clip["labels"][0] for clip in clips(split) if not is_mixed(clip))
    assert first == dict.fromkeys(NATURAL | set(GENRES), SIZES[split])


@pytest.mark.parametrize("split", SIZES)
def test_a_quarter_of_the_natural_clips_carry_two_labels(split):
    natural = [clip for clip in clips(split) if set(clip["labels"]) <= NATURAL]
    several = [clip for clip in natural if len(clip["labels"]) >= 2]
    assert len(several) == pytest.approx(len(natural) / 4, abs=1)
    assert all(len(set(clip["labels"])) == len(clip["labels"]) for clip in natural)
    assert len({clip["labels"][1] for clip in several}) > len(NATURAL) / 2


@pytest.mark.parametrize("split", SIZES)
def test_some_clips_mix_music_with_natural_sounds_or_singing(split):
    mixed = [clip for clip in clips(split) if is_mixed(clip)]
    assert len(mixed) / len(clips(split)) == pytest.approx(0.06, abs=0.005)
    assert any(set(clip["labels"]) & NATURAL for clip in mixed)
    assert any(SINGING in clip["labels"] for clip in mixed)


def test_singing_occurs_only_in_mixed_clips():
    assert all(is_mixed(clip) for clip in planned_clips(SIZES, 1) if SINGING in clip["labels"])


def test_clip_ids_are_unique_ascii_words():
    ids = [clip["clip_id"] for clip in planned_clips(SIZES, 1)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z0-9-]+", clip_id) for clip_id in ids)


def test_recipes_name_what_the_labels_say():
    for clip in planned_clips(SIZES, 1):
        assert sources(clip["reference"]) == [NAMES[mid] for mid in clip["labels"]]


def test_the_plan_follows_from_the_seed():
    assert planned_clips(SIZES, 1) == planned_clips(SIZES, 1)
    assert planned_clips(SIZES, 1) != planned_clips(SIZES, 2)


def test_clips_stay_the_same_when_more_are_asked_for():
    few = {clip["clip_id"]: clip for clip in planned_clips({"train": 3, "test": 2}, 1)}
    many = {clip["clip_id"]: clip for clip in planned_clips({"train": 7, "test": 4}, 1)}
    assert {clip_id: many[clip_id] for clip_id in few} == few


@pytest.mark.parametrize("reference", ["", "Whale", "Rain + ", "Rain+Wind", "Rain + Whale"])
def test_a_bad_recipe_is_refused_in_one_line_that_names_it(reference):
    with pytest.raises(InputError, match="give class names joined by ' \\+ '") as refusal:
        sources(reference)
    assert repr(reference) in str(refusal.value) and "\n" not in str(refusal.value)


def test_the_plan_can_be_read_without_loading_the_synthesis():
    code = (
        "import sys, music_detectors.corpus.embedded; "
        "sys.exit(bool({'scipy', 'torch', 'pandas', 'music_detectors.audio'} & set(sys.modules)))"
    )
    root = sys.modules["music_detectors"].__path__[0].removesuffix("music_detectors")
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
