"""The files that describe the corpus: local copies of those on the web, and what they hold."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from music_detectors.common.errors import InputError, warn
from music_detectors.common.files import replacing, sha256
from music_detectors.common.tables import write_table
from music_detectors.common.urls import is_url, shown_url
from music_detectors.corpus.columns import METADATA
from music_detectors.corpus.download import download
from music_detectors.corpus.locations import configured, copies_of, key_of
from music_detectors.corpus.sources import source_named


def fetch_metadata(
    corpus: Mapping, copies: Mapping[str, str | os.PathLike], table: str | os.PathLike
) -> None:
    """Download the files of the `corpus` section that are URLs, and record what all files hold.

    `copies` says, for each URL of `corpus.locations.configured`, where its local copy goes; a copy
    is written only after it has been read and found whole. `table` gets one row per file. A file
    that differs from the published one leads to a warning. Raises InputError, naming the URL or the
    file, when it cannot be downloaded or is damaged.
    """
    here: dict[str, Path] = {}
    rows = []
    places = configured(corpus)
    published = source_named(corpus["source"]).PUBLISHED
    for name, copy in copies_of(corpus).items():
        if name not in places:
            continue
        place, key = places[name], key_of(corpus, name)
        if is_url(place):
            with replacing(copies[name], checksum=True) as temporary:
                download(place, temporary)
                try:
                    content = copy.read(temporary, key, here)
                except InputError as error:
                    # The temporary file will be gone.
                    raise InputError(
                        str(error).replace(str(temporary), shown_url(place))
                    ) from error
            here[name] = Path(copies[name])
            logging.info("%s: downloaded from %s", here[name], shown_url(place))
        else:
            here[name] = Path(place)
            content = copy.read(here[name], key, here)
        found = sha256(here[name])
        origin = shown_url(place) if is_url(place) else place
        compared = _compared(published, name, content or found)
        if compared == "differs":
            of = "SHA-256" if content is None else "SHA-256 of its sorted ids"
            warn(
                f"{origin}: is not the {published[name][0]} that was published (its {of} is "
                f"{content or found}, not {published[name][1]}); that is fine if you chose another "
                f"for {key}"
            )
        rows.append((name, origin, here[name].stat().st_size, found, compared))
    write_table(table, pd.DataFrame(rows, columns=list(METADATA)), METADATA)


def _compared(published: Mapping[str, tuple[str, str]], name: str, found: str) -> str:
    """Return same or differs, against the published file; nothing where none was published."""
    if name not in published:
        return ""
    return "same" if found == published[name][1] else "differs"
