"""Which recordings may be copied into a page that is passed on."""

import re

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
