"""What a plan assumes about parts: their effects, and their errors over networks and sounds."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from music_detectors.plan.parts import Planned

EMBEDDED = "music of the embedded corpus"
TWICE = "twice the smallest effect"
LARGE = "a large effect"
ARTICLE = "the article"


class Assumed(NamedTuple):
    """The assumed effect of a part and what its estimates vary by."""

    effect: float
    source: str
    networks: float
    """Standard deviation over networks."""
    sounds: float
    """Standard error over sounds with a hundred groups of target and of other clips."""


# The article's values of ARTICLE in music_detectors.claims.article, in the unit of the part.
_OF_ARTICLE = {
    ("apart", "natural classes"): 0.105,
    ("apart", "target classes"): 0.016,
    ("apart", "decoding"): 0.846,
    ("apart", "decoding over pca"): 0.799,
    ("apart", "decoding over gabor"): 0.343,
    ("all-units", "effect"): 0.189,
    ("decoding", "top units"): 0.911,
    ("probe", "ratio"): 0.88,
    ("probe", "ratio over untrained"): 0.85,
    ("probe", "ratio over gabor"): 0.93,
    ("models", "natural over gabor"): 0.95,
    ("lesion", "top over middle"): 0.165,
    ("lesion", "top over bottom"): 0.156,
    ("lesion", "top over norm"): 0.037,
    ("specific", "Speech: less selective"): 0.76,
}
_LARGE_G = 0.8
# How many SD of random sets of classes the target lies above their mean. On the embedded corpus,
# music does so by 1.8 in g and by 2.3 in segregation.
_ABOVE_RANDOM = 2.0
# Claim and pattern of the part; standard deviation over networks, standard error over a hundred
# groups each. docs/validity.md says from which runs they are.
_ERRORS: Sequence[tuple[str, str, float, float]] = (
    ("apart", "segregation", 0.08, 0.05),
    ("apart", "natural classes", 0.05, 0.03),
    ("apart", "target classes", 0.2, 0.05),
    ("apart", "decoding*", 0.1, 0.05),
    ("all-units", "*", 0.1, 0.03),
    ("decoding", "*", 0.1, 0.05),
    ("probe", "*", 0.35, 0.17),
    ("models", "*", 0.29, 0.17),
    ("temporal", "*", 0.012, 0.005),
    ("generalisation", "*", 0.05, 0.02),
    ("lesion", "*", 0.02, 0.01),
    ("emergence", "*", 0.06, 0.03),
    ("speech", "rise*", 0.012, 0.005),
    ("specific", "novelty*", 0.2, 0.125),
    ("specific", "*: no effect*", 0.012, 0.005),
    ("specific", "*", 0.5, 0.17),
    ("acoustics", "residual*", 0.17, 0.125),
    ("genres", "most genres", 0.16, 0.18),
    ("acoustics", "*", 0.1, 0.05),
    ("*", "*", 0.2, 0.125),
)


def assumed(part: Planned) -> Assumed:
    """Return what is assumed about `part`: the article's effect, else twice the smallest one.

    Of a genre, a large effect is assumed (Cohen 1988). An equivalence without a value of the
    article is assumed to have no effect.
    """
    effect = _OF_ARTICLE.get((part.claim, part.part))
    source = TWICE if effect is None else ARTICLE
    if part.by_rank:
        return Assumed(_ABOVE_RANDOM, EMBEDDED, 0.3, 0.2)
    if effect is None and part.claim == "genres" and not part.smallest_effect:
        # Each genre must lie above zero, at whatever size, so there is nothing to double.
        effect, source = _LARGE_G, LARGE
    if effect is None:
        effect = 0.0 if part.equivalence else 2 * part.smallest_effect
    _, _, networks, sounds = next(
        row for row in _ERRORS if fnmatchcase(part.claim, row[0]) and fnmatchcase(part.part, row[1])
    )
    return Assumed(effect, source, networks, sounds)
