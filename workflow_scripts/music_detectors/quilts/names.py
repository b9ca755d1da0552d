"""Which of the played stimuli are quilts, and what quilts are compared with."""

from collections.abc import Sequence

from music_detectors.common.errors import InputError
from music_detectors.quilts.columns import INTACT
from music_detectors.stimuli.making.names import find


def segment_ms_of(stimulus: str) -> int | None:
    """Return the length of the segments of `stimulus` in ms, None when it is no quilt.

    Raises InputError when there is no such stimulus.
    """
    found = find(stimulus)
    return found.parameters["ms"] if found.kind == "quilt" else None


def check_compared(played: Sequence[str]) -> None:
    """Raise InputError unless `played` has what the claim on time structure compares."""
    quilts = [name for name in played if segment_ms_of(name) is not None]
    if INTACT not in played or len(quilts) < 2:
        raise InputError(
            f"configuration: stimuli.played must have {INTACT} and at least two quilts, such as "
            "quilt-50ms, which the claim on structure in time compares"
        )
