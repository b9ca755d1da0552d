"""Clips of the embedded corpus: determinism, level, and every sound model."""

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest

from music_detectors.common.errors import InputError
from music_detectors.corpus.embedded import embedded_classes, embedded_ontology, planned_clips
from music_detectors.synthesis.scene import CREST_DB, LEVEL_DB, SOURCES, synthesise

NAMES = [name for _, name in embedded_classes()]


def level_db(x):
    return 10 * np.log10(np.mean(np.square(x, dtype=np.float64)))


def test_every_class_has_a_model():
    assert list(SOURCES) and set(SOURCES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("seconds", "rate"), [(1.0, 16_000), (2.03, 22_050)])
def test_a_clip_is_complete_audible_and_unclipped(name, seconds, rate):
    x = synthesise(name, "a", 1, seconds, rate)
    assert x.dtype == np.float32 and x.shape == (round(seconds * rate),)
    assert np.isfinite(x).all()
    assert LEVEL_DB[0] - 0.01 < level_db(x) < LEVEL_DB[1] + 0.01  # float32 rounds the level
    assert 20 * np.log10(np.abs(x).max()) < min(0, level_db(x) + CREST_DB + 0.01)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_makes_sound_within_the_first_second_for_any_seed(name):
    for seed in range(3):
        x = SOURCES[name](np.random.default_rng(seed), 1.0, 16_000)
        assert x.shape == (16_000,) and np.isfinite(x).all() and np.abs(x).max() > 0


@pytest.mark.parametrize("name", ["Speech", "Stream", "Shatter", "Rock music", "Vocal music"])
def test_long_clips_at_high_sample_rates(name):
    x = synthesise(name, "a", 1, 10.0, 44_100)
    halves = [level_db(half) for half in np.split(x, 2)]
    assert x.shape == (441_000,)
    assert min(halves) > LEVEL_DB[0] - 20  # the sound goes on


@pytest.mark.parametrize("name", NAMES)
def test_seed_and_clip_id_determine_a_clip(name):
    x = synthesise(name, "a", 1, 1.0, 16_000)
    assert np.array_equal(x, synthesise(name, "a", 1, 1.0, 16_000))
    for other in (synthesise(name, "b", 1, 1.0, 16_000), synthesise(name, "a", 2, 1.0, 16_000)):
        # Another clip, not a copy at another level.
        assert abs(np.corrcoef(x, other)[0, 1]) < 0.9


def test_a_second_source_is_heard():
    both = synthesise("Rain + Siren", "a", 1, 1.0, 16_000)
    assert not np.array_equal(both, synthesise("Rain", "a", 1, 1.0, 16_000))
    spectrum = np.abs(np.fft.rfft(both))
    # Rain alone has no line in its spectrum; the siren's tone is more than ten times as strong.
    assert spectrum.max() > 10 * np.sqrt(np.mean(spectrum**2))


@pytest.mark.parametrize("reference", ["Whale", "Rain,Wind"])
def test_a_bad_recipe_is_refused(reference):
    with pytest.raises(InputError, match=f"recipe '{reference}'"):
        synthesise(reference, "a", 1, 1.0, 16_000)


@pytest.fixture(scope="module")
def levels():
    genres = next(n for n in embedded_ontology() if n["name"] == "Music genre")["child_ids"]
    found = {"target": [], "other": [], "mixed": []}
    for clip in planned_clips({"train": 8, "test": 0}, 1):
        music = [mid in genres for mid in clip["labels"]]
        role = "target" if all(music) else "mixed" if any(music) else "other"
        if len(found[role]) < 80:
            x = synthesise(clip["reference"], clip["clip_id"], 1, 1.0, 16_000)
            found[role].append(level_db(x))
    return {role: np.array(values) for role, values in found.items()}


def test_levels_have_the_same_distribution_in_all_roles(levels):
    assert len(levels["target"]) == len(levels["other"]) == 80 and len(levels["mixed"]) >= 20
    assert ks_2samp(levels["target"], levels["other"]).pvalue > 0.05
    assert ks_2samp(levels["mixed"], levels["other"]).pvalue > 0.05
    low, high = LEVEL_DB
    assert kstest(np.concatenate(list(levels.values())), "uniform", (low, high - low)).pvalue > 0.05


def test_this_many_clips_would_show_a_difference_in_level(levels):
    assert ks_2samp(levels["target"], levels["other"] + 2).pvalue < 0.01
