"""Quilts of one clip: the order of segments, the joins, and which properties of the sound stay."""

import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from music_detectors.audio.storage import to_float, to_int16
from music_detectors.common.errors import InputError
from music_detectors.stimuli import quilt
from music_detectors.stimuli.making.stimulus import TooShort
from music_detectors.stimuli.quilting import segments as module
from music_detectors.stimuli.quilting.segments import joined, segment_order
from music_detectors.stimuli.quilting.window_spectra import changes_between
from music_detectors.stimuli.quilting.windows import HALF, WINDOW, segment_samples

RATE = 22_050
SCRIPTS = Path(quilt.__file__).parents[2]


def white(n, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def quilted(samples, segment_ms, seed=0):
    return quilt.quilted(samples, segment_ms, np.random.default_rng(seed))


def chosen_by_hand(changes, first):
    """The rule of the order in plain words, one segment after the other."""
    n = len(changes)
    in_clip = {j: changes[j][j + 1] for j in range(n - 1)}
    in_clip[n - 1] = in_clip[n - 2]
    order, left = [first], set(range(n)) - {first}
    while left:
        present = order[-1]
        candidates = sorted(left - {present + 1}) or [present + 1]
        order.append(min(candidates, key=lambda k: abs(changes[present][k] - in_clip[present])))
        left.remove(order[-1])
    return order


@given(st.integers(2, 25), st.integers(0, 2**20), st.integers(2, 1000), st.data())
def test_every_segment_is_taken_once_by_the_rule(n, seed, kinds, data):
    # With few different changes, many are equal.
    changes = np.random.default_rng(seed).integers(kinds, size=(n, n)).astype(float)
    first = data.draw(st.integers(0, n - 1))
    order = segment_order(changes, first)
    assert order.tolist() == chosen_by_hand(changes, first)
    assert sorted(order) == list(range(n))
    assert order[0] == first


def test_the_next_segment_changes_the_spectrum_as_the_clip_did():
    changes = np.full((5, 5), 50.0)
    # After segment 1 the clip changed by 7; of the unused segments, 4 comes nearest.
    changes[1] = [3, 0, 7, 12, 8]
    assert segment_order(changes, 1)[:2].tolist() == [1, 4]
    # Nothing follows segment 4, whose onset changed by 20: segment 0 comes nearest.
    changes[3, 4] = 20
    changes[4] = [19, 0, 22, 50, 0]
    assert segment_order(changes, 1)[:3].tolist() == [1, 4, 0]


def test_two_segments():
    changes = np.array([[0.0, 3.0], [5.0, 0.0]])
    assert segment_order(changes, 0).tolist() == [0, 1]
    assert segment_order(changes, 1).tolist() == [1, 0]


@pytest.mark.parametrize("segment_ms", [50, 100, 400])
def test_the_segments_are_those_of_the_clip(segment_ms):
    samples = white(3 * RATE + 57)
    made, gain, order = quilted(samples, segment_ms)
    length = segment_samples(segment_ms)
    n = len(samples) // length
    assert len(made) == n * length and sorted(order) == list(range(n))
    for place, segment in enumerate(order):
        # The middle of a segment is as in the clip, except for the gain and a shift of up to a
        # window.
        middle = made[place * length + HALF : (place + 1) * length - HALF] / np.float32(gain)
        around = range(-2 * HALF, 2 * HALF + 1)
        starts = [segment * length + HALF + shift for shift in around]
        assert any(
            0 <= start <= len(samples) - len(middle)
            and np.allclose(samples[start : start + len(middle)], middle, atol=1e-6)
            for start in starts
        )


def test_segments_are_joined_where_the_sounds_correlate_best():
    samples = white(20 * WINDOW, seed=3)
    order = np.array([1, 3, 0, 2, 4])
    length = segment_samples(100)
    made, gain = joined(samples, order, 100)
    made = made / np.float32(gain)
    ramp = 0.5 * (1 - np.cos(np.pi * (np.arange(2 * HALF) + 0.5) / (2 * HALF)))
    # The first segment keeps its place; its remaining end joins the second.
    ending = samples[2 * length - HALF : 2 * length + HALF] * (1 - ramp)
    around = samples[3 * length - 2 * HALF : 3 * length + 2 * HALF]
    likeness = signal.correlate(around, ending * ramp, mode="valid")
    shift = int(np.argmax(likeness)) - HALF
    start = 3 * length - HALF + shift
    expected = ending + samples[start : start + 2 * HALF] * ramp
    np.testing.assert_allclose(made[length - HALF : length + HALF], expected, atol=1e-6)


def test_segments_in_their_order_give_the_clip_back():
    samples = white(12 * WINDOW)
    made, gain = joined(samples, np.arange(3), 100)
    # The last segment ends with the clip, and can be played to its end.
    np.testing.assert_allclose(made[: 8 * WINDOW], samples[: 8 * WINDOW], atol=1e-6)
    assert gain == pytest.approx(1, abs=1e-6)


class Watched(np.ndarray):
    """Samples that fail a test that reads past their ends, and record the range that was read."""

    first, last = None, None

    def __getitem__(self, key):
        where = key if isinstance(key, slice) else slice(key, key + 1)
        assert 0 <= where.start <= where.stop <= len(self)
        Watched.first = where.start if Watched.first is None else min(Watched.first, where.start)
        Watched.last = where.stop if Watched.last is None else max(Watched.last, where.stop)
        return np.asarray(self)[key]


@settings(max_examples=40)
@given(st.permutations(range(4)), st.integers(0, 2 * WINDOW - 1), st.integers(0, 10**6))
def test_nothing_outside_the_clip_is_read(order, rest, draw):
    length = 2 * WINDOW
    samples = white(4 * length + rest).view(Watched)
    ramp = np.ones(2 * HALF, np.float32)
    shifts = []

    def any_place(part, sound, scores, usual):
        assert len(sound) == len(part) + len(scores) - 1 and 0 <= usual < len(scores)
        assert HALF < len(scores) <= 2 * HALF + 1
        shifts.append(draw % len(scores))
        return shifts[-1]

    Watched.first = Watched.last = None
    with pytest.MonkeyPatch.context() as patch:
        # Any join may be the best, so all must be possible.
        patch.setattr(module, "_best", any_place)
        made = module._overlap_added.py_func(samples, np.array(order), length, ramp)
    assert len(made) == 4 * length and len(shifts) == 3
    assert Watched.first <= HALF and Watched.last >= 4 * length - 2 * HALF


@pytest.mark.parametrize("segment_ms", [50, 200, 1600])
def test_the_level_is_kept(segment_ms):
    envelope = np.linspace(0.2, 1, 4 * RATE)
    samples = (white(4 * RATE) * envelope).astype(np.float32)
    made, gain, _ = quilted(samples, segment_ms)
    used = samples[: len(made)].astype(float)
    assert np.mean(made.astype(float) ** 2) == pytest.approx(np.mean(used**2), rel=1e-4)
    # A join of unlike sounds loses at most a quarter of its power.
    joins = 2 * HALF / segment_samples(segment_ms)
    assert -0.2 < 20 * np.log10(gain) < -10 * np.log10(1 - joins / 4) + 0.2


def test_silence_stays_silence():
    made, gain, order = quilted(np.zeros(RATE, np.float32), 50)
    assert not made.any() and gain == 1 and len(order) == 20


@pytest.mark.parametrize("segment_ms", [50, 400])
def test_a_stationary_sound_keeps_its_spectrum(segment_ms):
    taps = signal.firwin(301, [600, 2_000], pass_zero=False, fs=RATE)
    samples = signal.lfilter(taps, 1, white(8 * RATE)).astype(np.float32)
    made, _, _ = quilted(samples, segment_ms)

    def bands(x):
        frequencies, power = signal.welch(x.astype(float), RATE, nperseg=2048)
        edges = np.arange(700, 1_901, 200)
        return np.array(
            [
                power[(frequencies >= low) & (frequencies < high)].mean()
                for low, high in pairwise(edges)
            ]
        )

    change = 10 * np.log10(bands(made) / bands(samples[: len(made)]))
    assert np.abs(change).max() < 0.5


@pytest.mark.parametrize("frequency", [110.0, 440.0, 1234.5])
def test_a_tone_goes_on_through_the_joins(frequency):
    time = np.arange(3 * RATE) / RATE
    samples = (0.3 * np.sin(2 * np.pi * frequency * time)).astype(np.float32)
    made, _, _ = quilted(samples, 100)
    envelope = np.abs(signal.hilbert(made.astype(float)))[WINDOW:-WINDOW]
    # A join at a wrong phase would cancel the tone for a while.
    assert envelope.min() > 0.25


def melody(notes, seconds):
    """Rising whole tones of `seconds` each: the next note is certain."""
    n = round(seconds * RATE)
    time = np.arange(n) / RATE
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 0.005)
    tones = [0.3 * fade * np.sin(2 * np.pi * 300 * 2 ** (k / 6) * time) for k in range(notes)]
    return np.concatenate(tones).astype(np.float32)


def pitches(samples):
    """The strongest frequency of every window."""
    windows = samples[: len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW) * np.hanning(WINDOW)
    return np.abs(np.fft.rfft(windows, 8 * WINDOW, axis=1)).argmax(axis=1)


def test_a_melody_loses_its_order_but_not_its_notes():
    samples = melody(notes=24, seconds=0.2)
    rising = np.arange(len(samples) // WINDOW)
    shuffled = {}
    for segment_ms in (50, 200):
        made, _, order = quilted(samples, segment_ms)
        found = pitches(made)
        # The pitch of the intact sound rises all the way.
        whole = pitches(samples[: len(made)])
        assert np.corrcoef(rising[: len(whole)], np.log(whole))[0, 1] > 0.95
        shuffled[segment_ms] = np.corrcoef(rising[: len(found)], np.log(found))[0, 1]
        assert np.mean(np.diff(order) == 1) < 0.2
        # Every note has the same share of the time as before.
        np.testing.assert_allclose(
            np.quantile(found, np.linspace(0.1, 0.9, 9)),
            np.quantile(whole, np.linspace(0.1, 0.9, 9)),
            rtol=0.15,
        )
    assert max(map(abs, shuffled.values())) < 0.6


def test_joins_change_the_spectrum_as_much_as_the_clip_did():
    draw = np.random.default_rng(8)
    # Noise whose level steps up and down by chance, but not often.
    level = np.repeat(np.exp(draw.normal(-3, 1, 30)), round(0.19 * RATE))
    samples = (level * draw.standard_normal(len(level))).astype(np.float32)
    changes = changes_between(samples, 50)
    in_clip = np.diagonal(changes, 1)
    order = segment_order(changes, 7)
    at_joins = changes[order[:-1], order[1:]]
    by_chance = draw.permutation(len(changes))
    at_random = changes[by_chance[:-1], by_chance[1:]]
    assert at_random.mean() > 1.3 * in_clip.mean()
    assert at_joins.mean() == pytest.approx(in_clip.mean(), rel=0.1)


def test_the_same_draw_gives_the_same_quilt_and_another_does_not():
    samples = white(3 * RATE)
    first, _, order = quilted(samples, 100, seed=1)
    again, _, _ = quilted(samples, 100, seed=1)
    other, _, other_order = quilted(samples, 100, seed=2)
    np.testing.assert_array_equal(first, again)
    assert order[0] != other_order[0] and not np.array_equal(first, other)


def test_int16_and_floats_give_the_same_quilt():
    stored = to_int16(white(RATE))
    first = quilted(stored, 50)
    assert first.samples.dtype == np.float32 and len(first.samples) == 40 * WINDOW
    np.testing.assert_array_equal(first.samples, quilted(to_float(stored), 50).samples)
    np.testing.assert_array_equal(
        first.samples, quilted(to_float(stored).astype(np.float64), 50).samples
    )


def test_sound_that_cannot_be_quilted_is_refused():
    with pytest.raises(TooShort, match="2203 samples, and two segments take 2204"):
        quilted(white(4 * WINDOW - 1), 50)
    with pytest.raises(InputError, match=r"mono sound, one array \(n,\), not \(2, 22050\)"):
        quilted(white(2 * RATE).reshape(2, RATE), 50)
    for segment_ms in (25, 60):
        with pytest.raises(InputError, match="multiples of 25 ms, at least 50 ms"):
            quilted(white(RATE), segment_ms)


def test_a_quilt_needs_no_files_and_no_snakemake():
    code = (
        "import sys, numpy as np; from music_detectors.stimuli.quilt import quilted; "
        "early = {'scipy', 'numba', 'pandas', 'torch', 'h5py'} & set(sys.modules); "
        "quilt = quilted(np.zeros(22050, np.float32), 100, np.random.default_rng(1)); "
        "print(sorted(early), len(quilt.order), 'snakemake' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["[]", "10", "False"]


def test_the_compiled_code_runs_where_nothing_can_be_written(tmp_path):
    code = tmp_path / "code"
    shutil.copytree(SCRIPTS, code, ignore=shutil.ignore_patterns("__pycache__"))
    # Files in place of the folders: no user, not even root, can write there.
    for name in ("stimuli/quilting", "common"):
        (code / "music_detectors" / name / "__pycache__").write_text("")
    (tmp_path / "home").write_text("")
    home = str(tmp_path / "home")
    run = (
        "import numpy as np; from music_detectors.stimuli.quilting.segments import segment_order; "
        "print(segment_order(np.arange(16.0).reshape(4, 4) % 5, 1).tolist())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", run],
        cwd=code,
        env={**os.environ, "HOME": home, "XDG_CACHE_HOME": home, "PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == str(chosen_by_hand(np.arange(16.0).reshape(4, 4) % 5, 1))
