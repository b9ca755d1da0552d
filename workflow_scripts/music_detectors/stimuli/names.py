"""The names of the stimuli that are compared, and what the names say."""

import re

INTACT = "intact"
"""The stimulus of clips as they are, cut to the stretch that is compared."""

_QUILT = re.compile(r"quilt-([1-9][0-9]*)ms")


def segment_ms_of(stimulus: str) -> int | None:
    """Return the length of the segments of `stimulus` in ms, None for INTACT.

    Raises ValueError for a name of neither kind.
    """
    if stimulus == INTACT:
        return None
    name = _QUILT.fullmatch(stimulus)
    if name is None:
        raise ValueError(f"{stimulus} is neither {INTACT} nor a quilt")
    return int(name[1])
