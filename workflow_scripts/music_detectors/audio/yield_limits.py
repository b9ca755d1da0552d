"""How many usable clips a split needs.

A module of its own, so that the code of training depends on no other module of this stage.
"""

import math


def clips_needed(clips: int, max_bad_share: float, min_clips: int) -> int:
    """Return how many of a split's `clips` must be usable to satisfy both limits."""
    # Ignore less than a millionth of a clip: rounding of the product.
    by_share = math.ceil((1 - max_bad_share) * clips - 1e-6)
    return max(1, by_share, min_clips)


def shortage(split: str, usable: int, clips: int, max_bad_share: float, min_clips: int) -> str:
    """Return the message when `usable` of a split's `clips` are too few, else an empty text."""
    if usable >= clips_needed(clips, max_bad_share, min_clips):
        return ""
    if usable < min_clips:
        limit = f"audio.min_clips.{split} asks for {min_clips}"
    else:
        limit = f"audio.max_bad_share allows {max_bad_share:.1%} to be unusable"
    return f"{usable} of {clips} clips of {split} ({usable / clips:.1%}) are usable, and {limit}"
