"""Ten genres of music: notes of a scale on a beat, over chords, with repetition.

A piece has a tempo, a key and a progression of chords; instruments play layers of notes over it. A
clip begins anywhere in the piece. Times are in beats, pitches are MIDI note numbers (69 is 440 Hz).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.random import Generator

from music_detectors.synthesis.instruments import (
    Instrument,
    bowed,
    brass,
    drum_kit,
    flute,
    frequency_modulated,
    hand_drums,
    organ,
    overdrive,
    pad,
    plucked,
    singer,
    struck,
    synthesiser,
)
from music_detectors.synthesis.signals import Samples, add, log_uniform, n_samples, unit_rms
from music_detectors.synthesis.voice import vowel

_Choice = TypeVar("_Choice")

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_MINOR = (0, 2, 3, 5, 7, 8, 10)
_DORIAN = (0, 2, 3, 5, 7, 9, 10)
_MIXOLYDIAN = (0, 2, 4, 5, 7, 9, 10)
_PENTATONIC = (0, 2, 4, 7, 9)
_MINOR_PENTATONIC = (0, 3, 5, 7, 10)
_BLUES = (0, 3, 5, 6, 7, 10)

_CHORDS = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "5": (0, 7, 12),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "sus2": (0, 2, 7),
}

Chord = tuple[int, str]
"""Root in semitones above the tonic, and a key of `_CHORDS`."""


class Note(NamedTuple):
    """A note: the beat it begins on, how many beats it is held, its pitch and its gain."""

    beat: float
    beats: float
    pitch: float
    gain: float


class Piece:
    """A piece of music; `seconds` of it are heard, from a random moment on.

    `bar` is in beats; each chord of `progression` lasts `chord_beats`; `swing` delays the second
    half of each beat by that share of the beat.
    """

    def __init__(
        self,
        rng: Generator,
        seconds: float,
        rate: int,
        tempo: tuple[float, float],
        progression: Sequence[Chord],
        bar: int = 4,
        chord_beats: int = 4,
        swing: float = 0.0,
    ):
        """Draw the tempo (from a range, in beats per minute), the key and the start of the clip."""
        self.rng, self.rate, self.bar = rng, rate, bar
        self.progression, self.chord_beats, self.swing = progression, chord_beats, swing
        self.beat_seconds = 60 / log_uniform(rng, *tempo)
        self.tonic = int(rng.integers(12))
        self.tuning = rng.uniform(-0.4, 0.4)
        self.timing_spread = rng.uniform(0.001, 0.008)
        self.first = rng.uniform(0, len(progression) * chord_beats)
        self.last = self.first + seconds / self.beat_seconds
        self.out = np.zeros(n_samples(seconds, rate))

    def chord(self, beat: float) -> tuple[int, tuple[int, ...]]:
        """Return the chord at a beat: the pitch class of its root, and its tones above the root."""
        root, quality = self.progression[int(beat // self.chord_beats) % len(self.progression)]
        return (self.tonic + root) % 12, _CHORDS[quality]

    def voicing(self, beat: float, centre: float) -> list[int]:
        """Return the chord at a beat as pitches within half an octave of `centre`."""
        root, tones = self.chord(beat)
        lowest = round(centre) - 6
        return sorted(lowest + (root + tone - lowest) % 12 for tone in tones[:4])

    def beats(self, step: float) -> Samples:
        """Return the beats, `step` apart, that may be heard, starting one bar or more early."""
        start = (np.floor(self.first / self.bar) - 1) * self.bar
        return np.arange(start, self.last, step)

    def sample_of(self, beat: float) -> int:
        """Return the sample of a beat, with swing and a player's imprecision."""
        whole, part = divmod(beat, 1)
        half = 0.5 + self.swing
        swung = part * 2 * half if part < 0.5 else half + (part - 0.5) * 2 * (1 - half)
        late = self.rng.normal(0, self.timing_spread)
        return round(((whole + swung - self.first) * self.beat_seconds + late) * self.rate)

    def hits(self, pattern: str) -> list[tuple[float, float]]:
        """Return beats and gains of a one-bar pattern: X loud, x medium, o soft, a dot for rest."""
        gains = {"X": 1.0, "x": 0.6, "o": 0.35}
        beats = self.beats(self.bar / len(pattern))
        marks = [pattern[i % len(pattern)] for i in range(len(beats))]
        return [(b, gains[m]) for b, m in zip(beats, marks, strict=True) if m != "."]

    def play(
        self,
        notes: Iterable[Note],
        instrument: Instrument,
        level_db: float,
        effect: Callable[[Samples], Samples] = lambda x: x,
    ) -> None:
        """Add a layer of notes, through `effect`, at `level_db` plus or minus 3 dB."""
        layer = np.zeros_like(self.out)
        played: dict[tuple[float, int], Samples] = {}
        for note in notes:
            at = self.sample_of(note.beat)
            held = n_samples(note.beats * self.beat_seconds, self.rate)
            if at >= len(layer) or at + held < 0:
                continue
            key = (note.pitch, held)
            if key not in played:
                frequency = 440 * 2 ** ((note.pitch + self.tuning - 69) / 12)
                played[key] = instrument(frequency, held)
            add(layer, note.gain * played[key], at)
        self._mix(effect(layer), level_db)

    def strike(self, hits: Iterable[tuple[float, float, Samples]], level_db: float) -> None:
        """Add a layer of drum hits (beat, gain, sound of the hit) at `level_db` +- 3 dB."""
        layer = np.zeros_like(self.out)
        for beat, gain, sound in hits:
            add(layer, gain * self.rng.uniform(0.8, 1) * sound, self.sample_of(beat))
        self._mix(layer, level_db)

    def _mix(self, layer: Samples, level_db: float) -> None:
        self.out += unit_rms(layer) * 10 ** ((level_db + self.rng.uniform(-3, 3)) / 20)


def _pick(rng: Generator, choices: Sequence[_Choice]) -> _Choice:
    return choices[int(rng.integers(len(choices)))]


def _held_chords(piece: Piece, centre: float, every: int) -> list[Note]:
    return [
        Note(beat, every, pitch, 1)
        for beat in piece.beats(every)
        for pitch in piece.voicing(beat, centre)
    ]


def _strummed(piece: Piece, centre: float, pattern: str, length: float) -> list[Note]:
    spread = piece.rng.uniform(0.0, 0.05)
    return [
        Note(beat + spread * string, length, pitch, gain)
        for beat, gain in piece.hits(pattern)
        for string, pitch in enumerate(piece.voicing(beat, centre))
    ]


def _arpeggio(piece: Piece, centre: float, step: float, length: float) -> list[Note]:
    order = piece.rng.permutation(8)
    notes = []
    for number, beat in enumerate(piece.beats(step)):
        tones = piece.voicing(beat, centre)
        tones += [tone + 12 for tone in tones]
        notes.append(Note(beat, length, tones[order[number % 8] % len(tones)], 1))
    return notes


def _bass(piece: Piece, pattern: str, length: float, centre: float = 38) -> list[Note]:
    fifths = piece.rng.uniform() < 0.5
    notes = []
    for number, (beat, gain) in enumerate(piece.hits(pattern)):
        root = piece.chord(beat)[0]
        pitch = centre - 6 + (root - centre + 6) % 12
        notes.append(Note(beat, length, pitch + 7 * (fifths and number % 4 == 3), gain))
    return notes


def _walking_bass(piece: Piece) -> list[Note]:
    notes = []
    for number, beat in enumerate(piece.beats(1)):
        root, tones = piece.chord(beat)
        tone = 0 if beat % piece.chord_beats == 0 else tones[number % len(tones)]
        pitch = 34 + (root + tone - 34) % 12
        notes.append(Note(beat, 0.9, pitch, 1))
    return notes


def _melody(
    piece: Piece, scale: Sequence[int], centre: float, density: float, step: float = 0.5
) -> list[Note]:
    """A motif of one bar, transposed with the chords; every second bar ends differently."""
    rng = piece.rng
    per_bar = round(piece.bar / step)
    ladder = np.array([12 * octave + tone for octave in range(11) for tone in scale]) + piece.tonic
    sounding = [0, *(i for i in range(1, per_bar) if rng.uniform() < density)]
    contour = np.cumsum(rng.choice((-2, -1, 1, 2), len(sounding)))
    contour -= round(contour.mean())
    answer = contour.copy()
    answer[len(answer) // 2 :] += rng.choice((-2, -1, 1, 2))
    legato = rng.uniform(0.7, 1.0)
    notes = []
    for number, start in enumerate(piece.beats(piece.bar)):
        root = piece.chord(start)[0]
        home = np.argmin(np.abs(ladder - (centre - 6 + (root - centre + 6) % 12)))
        for i, move in enumerate(answer if number % 2 else contour):
            begin, end = sounding[i], (*sounding, per_bar)[i + 1]
            pitch = int(ladder[home + move])
            length = (end - begin) * step * legato
            notes.append(Note(start + begin * step, length, pitch, rng.uniform(0.7, 1)))
    return notes


def _beat(piece: Piece, kit: dict[str, Samples], patterns: dict[str, str]) -> list:
    return [
        (beat, gain, kit[drum])
        for drum, pattern in patterns.items()
        for beat, gain in piece.hits(pattern)
    ]


def pop_music(rng: Generator, seconds: float, rate: int) -> Samples:
    """Four chords, a backbeat, bass, keys or guitar, and usually a hook on top."""
    chords = _pick(
        rng,
        (
            ((0, ""), (7, ""), (9, "m"), (5, "")),
            ((9, "m"), (5, ""), (0, ""), (7, "")),
            ((0, ""), (9, "m"), (5, ""), (7, "")),
            ((0, ""), (5, ""), (9, "m"), (7, "")),
        ),
    )
    piece = Piece(rng, seconds, rate, (90, 132), chords, chord_beats=int(rng.choice((2, 4))))
    keys = _pick(
        rng,
        (
            struck(rng, rate),
            frequency_modulated(rng, rate, (1.0, 2.0, 14.0), 1.5, 0.8),
            plucked(rng, rate, 0.6, 0.9),
            synthesiser(rng, rate),
        ),
    )
    comp = _pick(rng, ("X.x.X.x.", "X..x..x.X..x..x.", "X.xxX.xx", "X...x...", "X..X..X."))
    piece.play(_strummed(piece, rng.uniform(56, 64), comp, 0.6), keys, 0)
    piece.play(
        _bass(piece, _pick(rng, ("X.x.x.x.", "X..x..x.", "xxxxxxxx")), 0.5),
        _pick(rng, (plucked(rng, rate, 0.15, 0.5), synthesiser(rng, rate))),
        -2,
    )
    if rng.uniform() < 0.85:
        cymbal = _pick(rng, ("hat", "hat", "open"))
        beat = {
            "kick": _pick(rng, ("X.......X.x.....", "X...X...X...X...", "X..x....X.......")),
            "snare": "....X.......X...",
            cymbal: _pick(rng, ("x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo")),
        }
        piece.strike(_beat(piece, drum_kit(rng, rate), beat), rng.uniform(-3, 3))
    if rng.uniform() < 0.7:
        lead = _pick(rng, (synthesiser(rng, rate), flute(rng, rate), brass(rng, rate)))
        piece.play(_melody(piece, _PENTATONIC, rng.uniform(68, 78), rng.uniform(0.3, 0.7)), lead, 0)
    return piece.out


def rock_music(rng: Generator, seconds: float, rate: int) -> Samples:
    """Overdriven power chords in eighths or syncopated, bass and loud drums, sometimes a solo."""
    roots = _pick(rng, ((0, 10, 5, 0), (0, 3, 5, 10), (0, 5, 7, 5), (0, 0, 8, 10), (0, 1, 3, 0)))
    chords = [(root, "5") for root in roots]
    piece = Piece(rng, seconds, rate, (100, 168), chords, chord_beats=int(rng.choice((2, 4))))
    riff = _pick(rng, ("XxxxXxxx", "X.xxX.xx", "X..X..X.", "X.X.xxX.", "XxXxxXx."))
    guitar = plucked(rng, rate, rng.uniform(0.5, 0.9), rng.uniform(0.5, 1.5))
    amplifier = overdrive(rng.uniform(2, 12), rate)
    piece.play(_strummed(piece, rng.uniform(46, 52), riff, 0.45), guitar, 2, amplifier)
    piece.play(_bass(piece, riff, 0.45, 34), plucked(rng, rate, 0.3, 0.5), -2)
    beat = {
        "kick": _pick(rng, ("X.....x.X.x.....", "X.x.....X.x...x.", "X..x..x.X.......")),
        "snare": "....X.......X...",
        _pick(rng, ("hat", "open", "ride")): "X.x.X.x.X.x.X.x.",
    }
    piece.strike(_beat(piece, drum_kit(rng, rate), beat), rng.uniform(-3, 4))
    if rng.uniform() < 0.4:
        solo = _melody(piece, _MINOR_PENTATONIC, rng.uniform(66, 74), 0.7)
        piece.play(solo, plucked(rng, rate, 0.8, 2), 0, overdrive(8, rate))
    return piece.out


def folk_music(rng: Generator, seconds: float, rate: int) -> Samples:
    """A picked or strummed guitar, three or four beats per bar, often a fiddle, flute or shaker."""
    minor = rng.uniform() < 0.4
    if minor:
        rounds = (
            ((0, "m"), (10, ""), (0, "m"), (7, "m")),
            ((0, "m"), (3, ""), (10, ""), (0, "m")),
        )
    else:
        rounds = (
            ((0, ""), (5, ""), (0, ""), (7, "")),
            ((0, ""), (0, ""), (7, ""), (0, "")),
        )
    bar = int(rng.choice((3, 4)))
    piece = Piece(rng, seconds, rate, (84, 150), _pick(rng, rounds), bar=bar, chord_beats=bar)
    guitar = plucked(rng, rate, rng.uniform(0.4, 0.9), rng.uniform(0.4, 1.3))
    if rng.uniform() < 0.5:
        piece.play(_arpeggio(piece, rng.uniform(52, 60), 0.5, 1.0), guitar, 0)
    else:
        pattern = "X.x.x." if bar == 3 else _pick(rng, ("X.xxX.xx", "X.x.X.x.", "X..x.xx."))
        piece.play(_strummed(piece, rng.uniform(54, 62), pattern, 0.8), guitar, 0)
    piece.play(_bass(piece, "X.x" if bar == 3 else "X.x.", 0.9, 43), guitar, -6)
    if rng.uniform() < 0.75:
        scale = _DORIAN if minor else _MAJOR
        tune = _melody(piece, scale, rng.uniform(68, 78), rng.uniform(0.5, 0.9))
        piece.play(tune, _pick(rng, (bowed(rng, rate), flute(rng, rate), guitar)), 1)
    if rng.uniform() < 0.3:
        shake = hand_drums(rng, rate)[4]
        piece.strike([(b, g, shake) for b, g in piece.hits("x" * (2 * bar))], -6)
    return piece.out


def jazz(rng: Generator, seconds: float, rate: int) -> Samples:
    """A walking bass, sevenths on piano, a swung ride cymbal, and usually a horn."""
    chords = _pick(
        rng,
        (
            ((2, "m7"), (7, "7"), (0, "maj7"), (0, "maj7")),
            ((0, "maj7"), (9, "7"), (2, "m7"), (7, "7")),
            ((0, "m7"), (5, "7"), (10, "maj7"), (3, "maj7")),
        ),
    )
    chord_beats = int(rng.choice((2, 4)))
    swing = rng.uniform(0.1, 0.18)
    piece = Piece(rng, seconds, rate, (100, 210), chords, chord_beats=chord_beats, swing=swing)
    piece.play(_walking_bass(piece), plucked(rng, rate, 0.15, 0.6), 0)
    keys = _pick(rng, (struck(rng, rate), frequency_modulated(rng, rate, (1.0, 14.0), 1.2, 0.7)))
    comp = _pick(rng, ("X..x....", "...X..x.", "X....x..", ".x..X..."))
    piece.play(_strummed(piece, rng.uniform(56, 63), comp, 0.5), keys, -1)
    brushes = _pick(rng, ("........", "...o....", "x.x.x.x."))
    beat = {"ride": "X.XxX.Xx", "hat": "..X...X.", "snare": brushes}
    kit = drum_kit(rng, rate, soft=True)
    if rng.uniform() < 0.8:
        piece.strike(_beat(piece, kit, beat), rng.uniform(-7, 0))
    if rng.uniform() < 0.75:
        vibes = frequency_modulated(rng, rate, (4.0,), 0.6, 0.9)
        horn = _pick(rng, (brass(rng, rate), brass(rng, rate), flute(rng, rate), vibes))
        scale = _pick(rng, (_MAJOR, _DORIAN, _BLUES))
        piece.play(_melody(piece, scale, rng.uniform(62, 74), rng.uniform(0.5, 0.9)), horn, 2)
    return piece.out


def classical_music(rng: Generator, seconds: float, rate: int) -> Samples:
    """Melody, bass and inner parts on strings, piano, harpsichord, flute, organ or brass."""
    minor = rng.uniform() < 0.5
    if minor:
        cadences = (
            ((0, "m"), (5, "m"), (7, "7"), (0, "m")),
            ((0, "m"), (8, ""), (3, ""), (7, "7")),
        )
    else:
        cadences = (((0, ""), (5, ""), (7, "7"), (0, "")), ((0, ""), (9, "m"), (2, "m"), (7, "7")))
    bar, chord_beats = _pick(rng, ((3, 3), (4, 2), (4, 4)))
    piece = Piece(
        rng, seconds, rate, (66, 138), _pick(rng, cadences), bar=bar, chord_beats=chord_beats
    )
    inner = rng.integers(3)
    if inner == 0:
        piece.play(_arpeggio(piece, rng.uniform(54, 62), 0.5, 0.5), struck(rng, rate), -1)
    elif inner == 1:
        piece.play(_held_chords(piece, rng.uniform(56, 64), 2), bowed(rng, rate), 0)
    else:
        harpsichord = plucked(rng, rate, 1.0, 0.6)
        piece.play(_arpeggio(piece, rng.uniform(58, 66), 0.25, 0.3), harpsichord, -1)
    bass = _pick(rng, (bowed(rng, rate), struck(rng, rate), organ(rng, rate)))
    piece.play(_bass(piece, "X.x" if bar == 3 else "X.x.", 1.0, 43), bass, -4)
    solo = _pick(rng, (bowed(rng, rate), flute(rng, rate), struck(rng, rate), brass(rng, rate)))
    scale = _MINOR if minor else _MAJOR
    piece.play(_melody(piece, scale, rng.uniform(67, 80), rng.uniform(0.4, 0.9)), solo, 1)
    return piece.out


def electronic_music(rng: Generator, seconds: float, rate: int) -> Samples:
    """A drum machine, a synthesiser bass and sequences of sixteenths."""
    roots = _pick(rng, ((0, 0, 8, 10), (0, 3, 10, 5), (0, 0, 0, 0), (0, 8, 3, 10)))
    chords = [(root, "m" if root in (0, 5) else "") for root in roots]
    piece = Piece(rng, seconds, rate, (112, 174), chords)
    four = rng.uniform() < 0.6
    beat = {
        "kick": "X...X...X...X..." if four else "X.....x...X.....",
        "open": "..x...x...x...x." if four else "................",
        "hat": "x.xxx.xxx.xxx.xx",
        "snare": "....X.......X..o",
    }
    piece.strike(_beat(piece, drum_kit(rng, rate), beat), rng.uniform(-2, 3))
    line = _pick(rng, ("xxxxxxxxxxxxxxxx", "..x...x...x...x.", "X..x..x.X..x..x."))
    piece.play(_bass(piece, line, 0.22), synthesiser(rng, rate), 0)
    bell = frequency_modulated(rng, rate, (1.4, 2.0, 3.5), 2, 0.4)
    sequence = _arpeggio(piece, rng.uniform(60, 74), 0.25, 0.2)
    piece.play(sequence, _pick(rng, (synthesiser(rng, rate), bell)), rng.uniform(-3, 2))
    if rng.uniform() < 0.5:
        piece.play(_held_chords(piece, rng.uniform(58, 66), 4), pad(rng, rate), -3)
    return piece.out


def blues(rng: Generator, seconds: float, rate: int) -> Samples:
    """A twelve-bar shuffle: a boogie on the guitar and usually a lead on the blues scale."""
    bars = (0, 0, 0, 0, 5, 5, 0, 0, 7, 5, 0, 7)
    swing = rng.uniform(0.13, 0.18)
    piece = Piece(rng, seconds, rate, (76, 138), [(root, "7") for root in bars], swing=swing)
    guitar = plucked(rng, rate, rng.uniform(0.4, 0.8), rng.uniform(0.4, 1.0))
    boogie = []
    for beat, gain in piece.hits("XxXxXxXx"):
        root = 40 + (piece.chord(beat)[0] - 40) % 12
        upper = 9 if beat % 2 >= 1 else 7
        boogie += [Note(beat, 0.45, root, gain), Note(beat, 0.45, root + upper, gain)]
    piece.play(boogie, guitar, 0, overdrive(rng.uniform(0.5, 3), rate))
    if rng.uniform() < 0.7:
        piece.play(_walking_bass(piece), plucked(rng, rate, 0.15, 0.5), -3)
    if rng.uniform() < 0.65:
        drums = {"kick": "X...X...", "snare": "..X...X.", "ride": "X.xxX.xx"}
        piece.strike(_beat(piece, drum_kit(rng, rate), drums), rng.uniform(-6, 0))
    if rng.uniform() < 0.85:
        string, harmonica = plucked(rng, rate, 0.7, 1.5), brass(rng, rate)
        lead = _pick(rng, (string, harmonica, organ(rng, rate)))
        tune = _melody(piece, _BLUES, rng.uniform(62, 72), rng.uniform(0.4, 0.8))
        piece.play(tune, lead, 2, overdrive(rng.uniform(1, 5), rate))
    return piece.out


def new_age_music(rng: Generator, seconds: float, rate: int) -> Samples:
    """Slow pads, patterns of harp or bells, sometimes a flute; no drums."""
    chords = _pick(
        rng,
        (
            ((0, "maj7"), (5, "maj7")),
            ((0, "sus2"), (9, "m7"), (5, "sus2"), (7, "sus2")),
            ((9, "m7"), (5, "maj7"), (0, "sus2"), (7, "sus2")),
        ),
    )
    piece = Piece(rng, seconds, rate, (60, 96), chords, chord_beats=int(rng.choice((2, 4))))
    piece.play(_held_chords(piece, rng.uniform(52, 62), 2), pad(rng, rate), 0)
    harp = plucked(rng, rate, rng.uniform(0.4, 0.8), 1.5)
    bells = frequency_modulated(rng, rate, (1.4, 3.5, 2.76), 1.5, 1.5)
    if rng.uniform() < 0.85:
        step = float(rng.choice((0.25, 0.5)))
        sequence = _arpeggio(piece, rng.uniform(62, 76), step, 2.4 * step)
        piece.play(sequence, _pick(rng, (harp, harp, bells)), rng.uniform(-3, 3))
    if rng.uniform() < 0.6:
        tune = _melody(piece, _PENTATONIC, rng.uniform(70, 82), 0.3)
        piece.play(tune, _pick(rng, (flute(rng, rate), bells)), rng.uniform(-3, 2))
    return piece.out


def vocal_music(rng: Generator, seconds: float, rate: int) -> Samples:
    """Two to four unaccompanied parts that sing the same vowels in the same rhythm."""
    chords = _pick(
        rng,
        (
            ((0, ""), (5, ""), (0, ""), (7, "")),
            ((0, ""), (9, "m"), (5, ""), (7, "")),
            ((0, "m"), (10, ""), (8, ""), (7, "")),
        ),
    )
    scale = _MINOR if chords[0][1] else _MAJOR
    piece = Piece(rng, seconds, rate, (72, 132), chords, chord_beats=int(rng.choice((2, 4))))
    centre = rng.uniform(60, 72)
    top = _melody(piece, scale, centre, rng.uniform(0.2, 0.6), float(rng.choice((0.5, 1.0))))
    parts = [top]
    for drop in (4, 9, 16)[: int(rng.integers(1, 4))]:
        which = int(rng.integers(3))
        parts.append(
            [
                note._replace(pitch=voices[which % len(voices)])
                for note in top
                for voices in [piece.voicing(note.beat, centre - drop)]
            ]
        )
    shapes = [vowel(rng, 1.0) for _ in range(int(rng.integers(1, 4)))]
    for part, drop in zip(parts, (0, 4, 9, 16), strict=False):
        size = np.clip(2 ** ((centre - drop - 50) / 60), 0.95, 1.3)
        for number, shape in enumerate(shapes):
            sung = [
                note for note in part if round(note.beat / piece.bar * 4) % len(shapes) == number
            ]
            piece.play(sung, singer(rng, rate, size, shape * size), 0)
    return piece.out


def traditional_music(rng: Generator, seconds: float, rate: int) -> Samples:
    """Hand drums alone: interlocking parts over a short cycle, with shaker or wood block."""
    pulses = int(rng.choice((8, 12, 16)))
    piece = Piece(rng, seconds, rate, (96, 190), [(0, "5")] * 4, bar=int(rng.choice((3, 4))))
    strokes = hand_drums(rng, rate)
    for sound in strokes[:4]:
        marks = rng.choice(list("Xxo....."), pulses)
        marks[rng.integers(pulses)] = "X"
        part = "".join(marks)
        piece.strike([(b, g, sound) for b, g in piece.hits(part)], rng.uniform(-4, 2))
    extra = strokes[int(rng.integers(4, 6))]
    steady = _pick(rng, ("x.x.x.x.", "xoxxox", "x..x..x.", "xoxoxoxo"))
    if rng.uniform() < 0.7:
        piece.strike([(b, g, extra) for b, g in piece.hits(steady)], rng.uniform(-8, -2))
    return piece.out


def singing(rng: Generator, seconds: float, rate: int) -> Samples:
    """One singer's melody, each note on its own vowel."""
    chords = ((0, ""), (9, "m"), (5, ""), (7, ""))
    piece = Piece(rng, seconds, rate, (84, 130), chords, chord_beats=int(rng.choice((2, 4))))
    centre = rng.uniform(54, 72)
    size = 2 ** ((centre - 52) / 70)
    tune = _melody(piece, _MAJOR, centre, rng.uniform(0.4, 0.8))
    piece.play(tune, singer(rng, rate, size), 0)
    return piece.out
