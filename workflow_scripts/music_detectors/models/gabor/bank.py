"""The filters: modulation frequencies, envelopes and carriers, along bands and along frames.

A filter is g = envelope x (exp(i (k band + n frame)) - c): a Hann envelope, a carrier with the
modulation frequencies k and n (radians per band and per frame), and a constant c that makes the
filter ignore the level. Envelope and carrier are products of a part along bands and one along
frames. Upward and downward modulations differ in the sign of k.
"""

import numpy as np

HIGHEST = np.pi / 4
"""The highest modulation frequency along both axes, in radians per band and per frame."""
HALF_WAVES = 3.5
"""How many half-waves of the carrier lie under the envelope."""
DISTANCES = (0.1, 0.045)
"""The distance of neighbouring filters along bands and along frames (Schädler's d)."""
LONGEST = (69.0, 80.0)
"""The longest envelope in bands and in frames, which also bounds the lowest frequency.

The study's numbers of frequencies, 7 and 17, follow from anything above 55.5 and up to 69.9 bands,
and from above 72.7 to 80.6 frames; 69 bands are the reference implementation's.
"""


def frequencies(axis: int) -> np.ndarray:
    """Return the modulation frequencies along bands (`axis` 0) or frames (1), from the highest.

    Neighbours have a constant ratio (Eqs. 2a and 2b of Schädler et al.).
    """
    width = 8 * DISTANCES[axis] / HALF_WAVES
    ratio = (1 + width / 2) / (1 - width / 2)
    found = [HIGHEST]
    while found[-1] / ratio > np.pi * HALF_WAVES / LONGEST[axis]:
        found.append(found[-1] / ratio)
    return np.array(found)


def modulations() -> np.ndarray:
    """Return the modulation frequencies (263, 2) of the units: along bands, along frames.

    Along bands 7 negative ones, 0 and 7 positive ones; along frames 0 and 17. Where there is no
    modulation along frames, the sign along bands makes no difference, so 7 of the pairs are left
    out.
    """
    bands, frames = frequencies(0), frequencies(1)[::-1]
    return np.array(
        [
            (band, frame)
            for band in (*-bands, 0.0, *bands[::-1])
            for frame in (0.0, *frames)
            if band >= 0 or frame > 0
        ]
    )


def length(frequency: float, axis: int) -> float:
    """Return the length of the envelope, in bands or frames, of a modulation frequency."""
    return np.pi * HALF_WAVES / abs(frequency) if frequency else LONGEST[axis]


def parts(frequency: float, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a filter's part along one axis: envelope, envelope x cosine, envelope x sine.

    Each has an odd number of values, the middle one at the centre.
    """
    size = length(frequency, axis)
    half = int(np.ceil(size / 2)) - 1
    place = np.arange(-half, half + 1)
    envelope = (1 + np.cos(2 * np.pi * place / size)) / 2
    return envelope, envelope * np.cos(frequency * place), envelope * np.sin(frequency * place)


def level_share(band: float, frame: float) -> float:
    """Return c of the filter with these modulation frequencies: its carrier's mean.

    The filter without modulation measures the level and keeps it.
    """
    if not band and not frame:
        return 0.0
    share = 1.0
    for axis, frequency in enumerate((band, frame)):
        envelope, cosine, _ = parts(frequency, axis)
        share *= cosine.sum() / envelope.sum()
    return share


def gain(band: float, frame: float) -> float:
    """Return the gain of the unscaled filter for its own modulation: by it, filters are divided."""
    sizes = [parts(frequency, axis)[0].sum() for axis, frequency in enumerate((band, frame))]
    return float(np.prod(sizes) * (1 - level_share(band, frame) ** 2))
