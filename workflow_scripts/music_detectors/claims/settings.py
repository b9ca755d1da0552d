"""What the claims of a corpus were judged by, for a comparison of corpora."""

import json
import os
from collections.abc import Mapping

from music_detectors import __version__
from music_detectors.common.files import replacing

SETTINGS = ("version", "code", "target", "condition", "alpha", "min_networks", "sounds")
"""The keys of `claims/settings.json`; `code` is the digest of the code of the claims."""


def write_settings(path: str | os.PathLike, settings: Mapping[str, object]) -> None:
    """Write `settings` (SETTINGS, without the version) to `path` as JSON, with the version."""
    content = {"version": __version__, **settings}
    with replacing(path, checksum=True) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
