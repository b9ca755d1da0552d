"""Numbers as the page holds them: rounded, compressed, in base64."""

import base64
import gzip

import numpy as np

from music_detectors.report.explorer.answers import Answers

STEPS = 254
"""Responses are rounded to this many steps from the smallest to the largest of a unit."""
_MISSING = 255


def packed(*arrays: np.ndarray) -> str:
    """Return the bytes of `arrays`, in little-endian order and one after the other, as base64."""
    content = b"".join(
        np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes() for array in arrays
    )
    return in_base64(content)


def in_base64(content: bytes) -> str:
    """Return `content`, compressed (gzip), in base64."""
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode("ascii")


def rounded(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return `values` (rows, n) as steps uint8 between the ends (rows, 2) float32 of each row.

    A row's values are its smallest plus step / STEPS of its range; 255 stands for a missing one.
    """
    known = np.isfinite(values)
    ends = np.stack(
        [
            np.where(known, values, np.inf).min(axis=1, initial=np.inf),
            np.where(known, values, -np.inf).max(axis=1, initial=-np.inf),
        ],
        axis=1,
    )
    ends = np.where(known.any(axis=1, keepdims=True), ends, 0).astype(np.float32)
    low, span = ends[:, :1], np.diff(ends, axis=1)
    shares = np.divide(values - low, span, out=np.zeros_like(values), where=known & (span > 0))
    steps = np.where(known, np.rint(shares * STEPS), _MISSING)
    return steps.astype(np.uint8), ends


def packed_answers(answers: Answers) -> str:
    """Return the answers of a layer: ends, places of clips, responses to them, steps."""
    steps, ends = rounded(answers.means)
    return packed(ends, answers.clips, answers.responses, steps)


def packed_points(x: np.ndarray, y: np.ndarray) -> str:
    """Return points (clips,), NaN where a clip has none, as int16: -32768 stands for none.

    Both coordinates keep one scale, so that the shape of the cloud stays.
    """
    values = np.stack([x, y])
    middle = (np.nanmax(values, axis=1) + np.nanmin(values, axis=1)) / 2
    centred = values - middle[:, None]
    size = np.nanmax(np.abs(centred))
    steps = np.rint(centred / (size if size > 0 else 1) * 32_000)
    return packed(np.where(np.isnan(steps), -32_768, steps).astype(np.int16))
