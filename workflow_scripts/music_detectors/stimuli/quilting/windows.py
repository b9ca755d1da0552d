"""The sizes that quilts are built from, in samples at 22,050 Hz."""

WINDOW_MS = 25
"""Segments are multiples of this."""
WINDOW = 551
"""Samples of a window: that of the log-Mel spectrogram."""
HALF = WINDOW // 2
"""Samples of half a ramp, and of the largest shift of a segment within the clip."""


def segment_samples(segment_ms: int) -> int:
    """Return the samples of a segment: whole windows."""
    return segment_ms // WINDOW_MS * WINDOW
