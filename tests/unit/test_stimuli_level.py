"""Clips at one level: against the RMS measured anew."""

import numpy as np
import pytest

from music_detectors.common.errors import InputError
from music_detectors.levels.names import level_db_of, level_name, levels_of
from music_detectors.stimuli.making.names import find
from music_detectors.stimuli.making.stimulus import Silent


def rms(samples):
    return np.sqrt(np.mean(samples.astype(float) ** 2))


def clip(level):
    return (level * np.random.default_rng(3).standard_normal(9_000)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "share"), [("level-0db", 1), ("level-3db", 0.5012), ("level-18db", 0.01585)]
)
@pytest.mark.parametrize("level", [1e-4, 0.05])
def test_every_clip_has_the_power_of_the_corpus_lowered(name, share, level):
    sound = find(name).make(clip(level), 1, "a", corpus_rms=0.1)
    assert sound.samples.dtype == np.float32
    # Shares of power to four digits.
    assert rms(sound.samples) ** 2 == pytest.approx(share * 0.1**2, rel=1e-3)
    assert sound.about["gain_db"] == pytest.approx(
        20 * np.log10(rms(sound.samples) / rms(clip(level))), abs=1e-4
    )


def test_nothing_is_clipped():
    found = find("level-0db").make(clip(0.01), 1, "a", corpus_rms=0.9).samples
    assert np.abs(found).max() > 2
    np.testing.assert_allclose(found / found[0], clip(0.01) / clip(0.01)[0], rtol=1e-5)


def test_a_clip_without_any_sound_has_no_level():
    with pytest.raises(Silent, match="an RMS of 0"):
        find("level-6db").make(np.zeros(100, np.float32), 1, "a", corpus_rms=0.1)


def test_levels_are_found_by_name():
    assert level_db_of("level-18db") == -18 and level_db_of("level-0db") == 0
    assert level_db_of("quilt-50ms") is None
    assert level_name(-6) == "level-6db"
    assert levels_of(["level-6db", "intact", "level-0db", "level-18db"]) == [0, -6, -18]
    assert levels_of(["intact", "quilt-50ms"]) == []


def test_levels_need_that_of_the_other_sounds():
    with pytest.raises(InputError, match=r"played has level-6db, but not level-0db, .*; add it$"):
        levels_of(["intact", "level-6db"])
    with pytest.raises(InputError, match="level-06db is no stimulus"):
        levels_of(["level-06db"])
