"""One clip chopped into segments, which are put into a new order and joined.

After Overath, McDermott, Zarate & Poeppel, Nature Neuroscience 18:903 (2015), with the parameters
of Kim, Kim & Jeong, Nature Communications 15:148 (2024); docs/quilts.md says where they differ.
"""

import numpy as np

from music_detectors.common.compiled import compiled
from music_detectors.stimuli.quilting.windows import HALF, segment_samples

# Products that are summed before a score goes back to memory; divides the length of a ramp.
_UNROLLED = 5


@compiled
def segment_order(changes: np.ndarray, first: int) -> np.ndarray:
    """Return the segments (n,) in the order of the quilt that begins with `first`.

    `changes` (n, n) are those of `window_spectra.changes_between`, n at least 2. Next comes the
    unused segment to whose onset the spectrum changes by most nearly as much as it changed in the
    clip at the end of the present segment; the earliest of equals. The present segment's own
    successor always fits best, so it is taken only when it is the last one left. Nothing follows
    the last segment of the clip, so the change at its onset stands in.
    """
    n = len(changes)
    order = np.empty(n, np.int64)
    used = np.zeros(n, np.bool_)
    present = first
    for place in range(n):
        order[place] = present
        used[present] = True
        end = min(present, n - 2)
        change = changes[end, end + 1]
        best, least = -1, np.inf
        for candidate in range(n):
            if used[candidate] or candidate == present + 1:
                continue
            difference = abs(changes[present, candidate] - change)
            if best < 0 or difference < least:
                best, least = candidate, difference
        present = present + 1 if best < 0 else best
    return order


def joined(samples: np.ndarray, order: np.ndarray, segment_ms: int) -> tuple[np.ndarray, float]:
    """Return the quilt of the clip `samples` (n,) float32 in `order`, and the gain it was given.

    The quilt is float32, as long as the segments together. Each segment is faded into the next over
    25 ms around the border, by raised cosines that sum to 1; the fade also reads the sound on
    either side of the segment. The segment's place in the clip is shifted by up to half a window to
    where it best correlates with what it joins. Nothing outside the clip is read: a segment at an
    end of the clip is shifted inwards, by up to a window. Fades between unlike sounds lose a
    quarter of the power, and the gain restores the power of the segments; it is 1 for silence.
    """
    length = segment_samples(segment_ms)
    steps = np.arange(2 * HALF)
    ramp = (0.5 * (1 - np.cos(np.pi * (steps + 0.5) / len(steps)))).astype(np.float32)
    quilt = _overlap_added(np.ascontiguousarray(samples, np.float32), order, length, ramp)
    before = np.square(samples[: len(quilt)], dtype=np.float64).sum()
    after = np.square(quilt, dtype=np.float64).sum()
    gain = float(np.sqrt(before / after)) if before > 0 and after > 0 else 1.0
    return quilt * np.float32(gain), gain


@compiled
def _overlap_added(
    samples: np.ndarray, order: np.ndarray, length: int, ramp: np.ndarray
) -> np.ndarray:
    """Return the segments of `length` samples in `order`, faded into each other by `ramp`."""
    half = len(ramp) // 2
    last = len(order) - 1
    quilt = np.zeros(len(order) * length, np.float32)
    scores = np.empty(2 * half + 1, np.float32)
    weighted = np.empty(len(ramp), np.float32)
    for place in range(len(order)):
        start = order[place] * length
        end = start + length
        # There is nothing to fade before the first segment of the quilt and after its last.
        before = half if place > 0 else 0
        after = half if place < last else 0
        lowest = max(-half, before - start)
        highest = min(half, len(samples) - after - end)
        at = place * length
        shift = min(max(0, lowest), highest)
        if place > 0:
            # Near an end of the clip there are few places outside, so more of them are inside.
            if start < half:
                highest = max(highest, lowest + half)
            else:
                lowest = min(lowest, highest - half)
            for i in range(len(ramp)):
                weighted[i] = quilt[at - half + i] * ramp[i]
            candidates = samples[start - half + lowest : start + half + highest]
            found = _best(weighted, candidates, scores[: highest - lowest + 1], shift - lowest)
            shift = lowest + found
            source = start + shift - half
            for i in range(len(ramp)):
                quilt[at - half + i] += samples[source + i] * ramp[i]
        for i in range(before, length - after):
            quilt[at + i] = samples[start + shift + i]
        if place < last:
            source = end + shift - half
            for i in range(len(ramp)):
                quilt[at + length - half + i] = samples[source + i] * (np.float32(1) - ramp[i])
    return quilt


@compiled
def _best(part: np.ndarray, sound: np.ndarray, scores: np.ndarray, usual: int) -> int:
    """Return the place in `sound` (part + scores - 1,) where it best correlates with `part`.

    `usual` is the place to take unless another is better; `scores` is overwritten.
    """
    scores[:] = 0
    for i in range(0, len(part), _UNROLLED):
        p0, p1, p2, p3, p4 = part[i], part[i + 1], part[i + 2], part[i + 3], part[i + 4]
        s0, s1, s2, s3, s4 = (
            sound[i:],
            sound[i + 1 :],
            sound[i + 2 :],
            sound[i + 3 :],
            sound[i + 4 :],
        )
        # Places are independent of each other, so the compiler takes many at once.
        for k in range(len(scores)):
            scores[k] += p0 * s0[k] + p1 * s1[k] + p2 * s2[k] + p3 * s3[k] + p4 * s4[k]
    best = usual
    for k in range(len(scores)):
        if scores[k] > scores[best]:
            best = k
    return best
