"""Music: pitches of a scale, beats, chords, repetition."""

import numpy as np
import pytest

from music_detectors.synthesis import instruments, machines, music

RATE = 22_050


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def piece(rng, seconds=4.0, progression=((0, ""), (9, "m")), **kwargs):
    made = music.Piece(rng, seconds, RATE, (119.999, 120.001), progression, **kwargs)
    made.timing_spread = 0.0
    return made


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: instruments.plucked(rng, RATE, 0.5, 1.0),
        lambda rng: instruments.struck(rng, RATE),
        lambda rng: instruments.organ(rng, RATE),
        lambda rng: instruments.bowed(rng, RATE),
        lambda rng: instruments.pad(rng, RATE),
        lambda rng: instruments.brass(rng, RATE),
        lambda rng: instruments.flute(rng, RATE),
        lambda rng: instruments.synthesiser(rng, RATE),
        lambda rng: instruments.singer(rng, RATE, 1.1),
        lambda rng: instruments.frequency_modulated(rng, RATE, (2.0,), 1.0, 1.0),
    ],
)
@pytest.mark.parametrize("frequency", [82.4, 311.1, 987.8])
def test_an_instrument_plays_the_pitch_asked_for(rng, make, frequency):
    held = RATE
    x = make(rng)(frequency, held)
    assert len(x) >= held and np.isfinite(x).all()
    # The autocorrelation at the true period exceeds that a semitone above and below.
    steady = x[held // 4 : held // 4 + held // 2]
    power = np.abs(np.fft.rfft(steady, 2 * len(steady))) ** 2
    correlation = np.fft.irfft(power)
    lags = np.arange(RATE // 1500, RATE // 60)
    at = RATE / frequency
    near = [
        np.interp(at * step, lags, correlation[lags]) for step in (2 ** (-1 / 12), 1, 2 ** (1 / 12))
    ]
    # For high notes a lag of a few samples is too coarse: compare at the eighth period.
    if frequency > 500:
        near = [
            np.interp(8 * at * step, lags, correlation[lags])
            for step in (2 ** (-1 / 24), 1, 2 ** (1 / 24))
        ]
    assert near[1] > max(near[0], near[2])


def test_upper_harmonics_of_a_plucked_string_decay_first(rng):
    x = instruments.plucked(rng, RATE, 0.9, 1.0)(220, 2 * RATE)
    early, late = (np.abs(np.fft.rfft(x[s : s + 8192])) for s in (0, RATE))
    low, high = (slice(*np.array(band) * 8192 // RATE) for band in ((150, 300), (3000, 6000)))
    assert late[low].max() < early[low].max()
    assert late[high].max() / early[high].max() < 0.5 * late[low].max() / early[low].max()


def test_beats_fall_at_the_tempo(rng):
    made = piece(rng)
    times = [made.sample_of(beat) for beat in range(8)]
    np.testing.assert_allclose(np.diff(times), RATE / 2, atol=1)


def test_swing_delays_the_second_half_of_each_beat(rng):
    made = piece(rng, swing=1 / 6)
    beat, half = made.sample_of(3), made.sample_of(3.5)
    assert (half - beat) / (RATE / 2) == pytest.approx(2 / 3, abs=1e-3)


def test_patterns_repeat_every_bar(rng):
    hits = piece(rng, seconds=6).hits("X..x")
    beats = np.array([beat for beat, _ in hits])
    assert sorted(set(beats % 4)) == [0, 3]
    assert all(gain == (1.0 if beat % 4 == 0 else 0.6) for beat, gain in hits)
    assert beats[0] <= 0 or beats[0] <= beats[-1] - 8


def test_chords_follow_the_progression(rng):
    made = piece(rng, chord_beats=2)
    tonic = made.tonic
    assert made.chord(0) == (tonic, (0, 4, 7)) and made.chord(3.5) == ((tonic + 9) % 12, (0, 3, 7))
    assert made.chord(4) == made.chord(0)


@pytest.mark.parametrize("centre", [48.0, 60.5, 71.2])
def test_a_voicing_keeps_the_chord_near_its_centre(rng, centre):
    made = piece(rng)
    voices = made.voicing(0, centre)
    assert {pitch % 12 for pitch in voices} == {(made.tonic + tone) % 12 for tone in (0, 4, 7)}
    assert all(abs(pitch - centre) <= 6.5 for pitch in voices)


def test_a_melody_keeps_its_scale_and_its_beats_and_repeats(rng):
    made = piece(rng, seconds=16, progression=((0, ""),) * 4)
    tune = music._melody(made, music._MAJOR, 70, 0.6)
    assert all((note.pitch - made.tonic) % 12 in music._MAJOR for note in tune)
    assert all(note.beat % 0.5 == 0 for note in tune)
    bars = {}
    for note in tune:
        bars.setdefault(note.beat // 4, []).append((note.beat % 4, note.pitch))
    first = min(bars)
    assert bars[first] == bars[first + 2] and bars[first + 1] == bars[first + 3]


def test_a_note_before_the_clip_is_heard_only_if_it_lasts_into_the_clip(rng):
    made = piece(rng)
    tone = instruments.organ(rng, RATE)
    made.play([music.Note(made.first - 8, 1, 60, 1)], tone, 0)
    assert not made.out.any()
    made.play([music.Note(made.first - 1, 2, 60, 1)], tone, 0)
    assert made.out[: RATE // 4].any() and not made.out[-RATE:].any()


def repetition(x):
    """Return the highest correlation of a sound's envelope with itself 0.6 to 3 s later."""
    frame = RATE // 100
    envelope = np.sqrt((x[: len(x) // frame * frame].reshape(-1, frame) ** 2).mean(1))
    return max(np.corrcoef(envelope[:-lag], envelope[lag:])[0, 1] for lag in range(60, 300))


def test_percussion_repeats_and_typing_does_not():
    seeds = [np.random.default_rng(seed) for seed in range(4)]
    drums = [repetition(music.traditional_music(rng, 10, RATE)) for rng in seeds]
    typed = [repetition(machines.typing(rng, 10, RATE)) for rng in seeds]
    assert min(drums) > 0.6 > max(typed)
