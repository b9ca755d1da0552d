"""The sounds that the page plays: which, in which order, and their bytes."""

import base64
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

import numpy as np

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.common.errors import one_line
from music_detectors.probes.spectrograms import at_level
from music_detectors.report.cutting import each_sound, shortened
from music_detectors.report.licences import Terms
from music_detectors.report.vorbis import ogg_vorbis

_PEAK = 0.98
# What an excerpt of five seconds takes at least, in base64. Of shorter ones, more would fit.
_LEAST_BYTES = 25_000


@dataclass(frozen=True)
class Heard:
    """A sound that the page may play: a clip, or a sound of a probe set, and its terms."""

    name: str
    terms: Terms
    probe: str = ""


def wanted(
    used: Mapping[int, int],
    labels: np.ndarray,
    clip: Callable[[int], Heard | None],
    probes: Iterable[Heard],
) -> Iterator[Heard]:
    """Yield sounds, those that are worth most to the reader first.

    In turn they are a clip that units answer most or least, by how many do (`used`, by the place of
    the clip), a clip of a class, and a sound of `probes`. Classes have a clip each, then a further
    one each, and so on, those with few labels (clips, classes) first. `clip` returns the sound of a
    clip, None if it may not be played.
    """
    by_use = sorted(used, key=lambda place: (-used[place], place))
    columns = [np.flatnonzero(labels[:, column]) for column in range(labels.shape[1])]
    n_labels = labels.sum(axis=1)
    columns = [places[np.argsort(n_labels[places], kind="stable")] for places in columns]

    def playable(places: Iterable[int]) -> Iterator[Heard]:
        yield from filter(None, (clip(int(place)) for place in places))

    of_classes = (
        one for row in zip_longest(*map(playable, columns)) for one in row if one is not None
    )
    queues = (playable(by_use), of_classes, probes)
    seen = set()
    for row in zip_longest(*queues):
        for one in row:
            if one is not None and one not in seen:
                seen.add(one)
                yield one


def use_of(clips: Sequence[np.ndarray]) -> Counter[int]:
    """Return how often each place is among those of `clips` (units, n), without -1."""
    places = np.concatenate([one.ravel() for one in clips]) if clips else np.empty(0, np.int32)
    found, counts = np.unique(places[places >= 0], return_counts=True)
    return Counter(dict(zip(found.tolist(), counts.tolist(), strict=True)))


def cut_sounds(
    sounds: Iterator[Heard],
    audio: Sequence[str | os.PathLike],
    probes: Mapping[str, str | os.PathLike],
    rms: float,
    megabytes: float,
) -> dict[Heard, tuple[float, str]]:
    """Return the seconds and the base64 (Ogg Vorbis) of the first `sounds` that fit.

    Together they have at most `megabytes` (10^6 bytes). `audio` are the shards of test clips,
    `probes` those of the sounds of each probe set, which are played at `rms` as to the networks.
    Clips are as loud as in the corpus, or softer where that would clip. Raises InputError, naming
    the file, when one cannot be read.
    """
    taken = list(islice(sounds, int(megabytes * 1e6 / _LEAST_BYTES)))
    made: dict[Heard, tuple[float, str]] = {}
    for probe in ("", *probes):
        own = {one.name: one for one in taken if one.probe == probe}
        shards = [probes[probe]] if probe else audio
        for name, samples in each_sound(shards, own) if own else ():
            heard = shortened(at_level(samples, rms) if probe else samples)
            peak = float(np.abs(heard).max(initial=0.0))
            if peak > _PEAK:
                heard = heard * np.float32(_PEAK / peak)
            ogg = base64.b64encode(ogg_vorbis(heard, SAMPLE_RATE)).decode("ascii")
            made[own[name]] = (len(heard) / SAMPLE_RATE, ogg)
    kept, size = {}, 0
    for one in taken:
        if size + len(made[one][1]) <= megabytes * 1e6:
            size += len(made[one][1])
            kept[one] = made[one]
    logging.info("%d sounds can be heard, %.1f MB", len(kept), size / 1e6)
    return kept


def described(one: Heard, seconds: float) -> dict:
    """Return what the page says of a sound: its name, probe set, length and terms."""
    licence, attribution = (one_line(text, 200) for text in one.terms)
    terms = "; ".join(filter(None, (attribution, licence)))
    return {"name": one.name, "probe": one.probe, "seconds": round(seconds, 1), "terms": terms}
