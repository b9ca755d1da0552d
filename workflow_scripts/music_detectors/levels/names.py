"""Which of the played stimuli are clips at one level."""

from collections.abc import Sequence

from music_detectors.common.errors import InputError
from music_detectors.stimuli.making.names import find


def level_db_of(stimulus: str) -> int | None:
    """Return the level of the clips of `stimulus` in dB re the corpus's mean, None if it has none.

    Raises InputError when there is no such stimulus.
    """
    found = find(stimulus)
    return -found.parameters["db"] if found.kind == "level" else None


def levels_of(played: Sequence[str]) -> list[int]:
    """Return the levels in dB of those of the stimuli `played` that have one, the loudest first.

    Raises InputError when there are some, but not 0 dB, the level of what the target is compared
    with.
    """
    levels = [level for name in played if (level := level_db_of(name)) is not None]
    if levels and 0 not in levels:
        raise InputError(
            f"configuration: stimuli.played has {level_name(levels[0])}, but not "
            f"{level_name(0)}, the level of the sounds that the target is compared with; add it"
        )
    return sorted(levels, reverse=True)


def level_name(level_db: int) -> str:
    """Return the name of the stimulus with this level."""
    return f"level-{-level_db}db"
