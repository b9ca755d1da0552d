"""Which recordings may be copied into a page that is passed on."""

import re
from collections.abc import Callable, Mapping

from music_detectors.corpus.sources import source_named

Terms = tuple[str, str]
"""The licence and the attribution, "" where nothing is known."""

MADE: Terms = ("synthesised by this workflow", "")
NOTHING_KNOWN: Terms = ("", "")

ALL, LICENSED = "all", "licensed"
"""Values of `report.sound`, besides none."""

_ADDRESS = r"https?://(www\.)?creativecommons\.org/"
_FREE = re.compile(
    rf"cc[ -]?(0|zero)\b|creative commons (0|zero)\b|public domain|{_ADDRESS}publicdomain/"
)
_WITH_NAME = re.compile(rf"cc[ -]by\b|creative commons attribution|{_ADDRESS}licenses/by\b")
# An excerpt, and above all a quilt, is a derivative.
_NO_DERIVATIVES = re.compile(r"\bnd\b|no[ -]?deriv")


def may_be_played(licence: str, attribution: str) -> bool:
    """Return whether excerpts of a recording under `licence` may be passed on.

    These are dedications to the public (CC0) and, where somebody is named, Creative Commons
    licences with attribution that allow derivatives. Any other text counts as no permission.
    """
    text = licence.casefold().strip()
    if _NO_DERIVATIVES.search(text):
        return False
    return bool(_FREE.match(text) or (attribution and _WITH_NAME.match(text)))


def terms_of_clips(source: Mapping, is_made: bool) -> Callable[[str], Terms]:
    """Return what says the terms of a clip, given its id.

    All clips are made by this workflow if `is_made`; else the source of the corpus knows, if
    anything does. `source` is the section `corpus` of the configuration. Raises InputError when
    the file with the terms cannot be read.
    """
    noted = getattr(source_named(source["source"]), "noted_terms", None)
    terms: dict[str, Terms] = {} if noted is None else noted(source)
    return lambda clip_id: MADE if is_made else terms.get(clip_id, NOTHING_KNOWN)


def is_allowed(sound: str, terms: Terms) -> bool:
    """Return whether a sound on `terms` is played, given `report.sound`."""
    if sound == ALL:
        return True
    return sound == LICENSED and (terms == MADE or may_be_played(*terms))
