"""The targets: what they are called in texts and in paths, and whether the corpus has them.

The Snakefile calls these while it is read, so nothing heavy is imported here.
"""

import re
from collections.abc import Mapping, Sequence
from unicodedata import normalize

from music_detectors.common.errors import InputError
from music_detectors.corpus.classes import ClassList, classes_with_target
from music_detectors.corpus.sources import Listed

Target = str | Sequence[str]
"""A branch of the ontology (or a label), or several that make up one target."""

KEY = "configuration: targets"
_LONGEST = 60
# In the captions of figures, names stand between asterisks: these would end the name, and make
# links or other markup of what follows.
_MARKUP = re.compile(r"[*`|\\]|^\s|\s$")


def target_name(target: Target) -> str:
    """Return the name of `target` for texts; several branches are joined by `+`."""
    return target if isinstance(target, str) else " + ".join(target)


def slug(target: Target) -> str:
    """Return the name of `target` for paths: `Musical instrument` is `musical_instrument`.

    It has letters in lower case and digits, with `_` between words: in names of logs, `-` stands
    between target and condition.
    """
    name = normalize("NFC", target_name(target)).lower()
    return re.sub(r"[\W_]+", "_", name)[:_LONGEST].strip("_")


def targets_of(configuration: Mapping) -> dict[str, Target]:
    """Return the targets by their names for paths: `corpus.target`, then those of `targets`.

    Raises InputError when two have the same name for paths, or one has none, or a name that
    captions cannot show.
    """
    found: dict[str, Target] = {}
    for target in (configuration["corpus"]["target"], *configuration["targets"]):
        name = slug(target)
        if _MARKUP.search(target_name(target)):
            raise InputError(
                f"{KEY}: {target_name(target)!r} has one of the characters * ` | and \\, or a "
                "space at an end, which captions of figures cannot show; rename the label"
            )
        if not name:
            raise InputError(
                f"{KEY}: {target_name(target)!r} has no letter or digit, so no folder can be named "
                "after it; rename the label"
            )
        if name in found:
            raise InputError(
                f"{KEY}: the results of {target_name(found[name])!r} and of "
                f"{target_name(target)!r} would lie in one folder ({name}); remove one of them"
            )
        found[name] = target
    return found


def check_targets(first: ClassList, targets: Sequence[Target], listed: Listed) -> None:
    """Check that each of `targets` has other classes of those `listed` than the target of `first`.

    Raises InputError when one is no branch (or label), has no class or every class, or the same
    classes as another.
    """
    names = {first.target: "corpus.target"}
    for target in targets:
        own = classes_with_target(listed, target, KEY).target
        if own in names:
            raise InputError(
                f"{KEY}: {target_name(target)!r} has the same classes as {names[own]}; remove it"
            )
        names[own] = repr(target_name(target))
