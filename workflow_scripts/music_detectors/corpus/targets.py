"""What a target is called, in texts and in paths.

The Snakefile calls these while it is read, so nothing heavy is imported here.
"""

import re
from collections.abc import Sequence

_LONGEST = 60


def target_name(target: str | Sequence[str]) -> str:
    """Return the name of `target` for texts; several branches are joined by `+`."""
    return target if isinstance(target, str) else " + ".join(target)


def slug(target: str | Sequence[str]) -> str:
    """Return the name of `target` for paths: `Musical instrument` is `musical_instrument`.

    It has letters in lower case and digits, with `_` between words: in names of logs, `-` stands
    between target and condition.
    """
    return re.sub(r"[\W_]+", "_", target_name(target).lower())[:_LONGEST].strip("_")
