"""How many clips of a split are enough, apart: what trains imports no more of this stage."""

import math


def clips_needed(clips: int, max_bad_share: float, min_clips: int) -> int:
    """Return how many of a split's `clips` must be usable: `min_clips`, and all but that share."""
    # A share times a number of clips is hardly ever whole: less than a millionth of a clip is
    # what arithmetic adds.
    by_share = math.ceil((1 - max_bad_share) * clips - 1e-6)
    return max(1, by_share, min_clips)


def shortage(split: str, usable: int, clips: int, max_bad_share: float, min_clips: int) -> str:
    """Return what is wrong when `usable` of a split's `clips` are too few, else an empty text."""
    if usable >= clips_needed(clips, max_bad_share, min_clips):
        return ""
    if usable < min_clips:
        limit = f"audio.min_clips.{split} asks for {min_clips}"
    else:
        limit = f"audio.max_bad_share allows {max_bad_share:.1%} to be of no use"
    return f"{usable} of {clips} clips of {split} ({usable / clips:.1%}) are usable, and {limit}"
