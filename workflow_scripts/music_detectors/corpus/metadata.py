"""The files that describe AudioSet: local copies of those on the web, and what all of them hold."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from music_detectors.common.errors import InputError, say
from music_detectors.common.files import replacing, sha256
from music_detectors.common.tables import write_table
from music_detectors.common.urls import is_url
from music_detectors.corpus.audioset import read_class_list, read_clip_ids, read_segments
from music_detectors.corpus.columns import METADATA
from music_detectors.corpus.download import download
from music_detectors.corpus.locations import COPIES, configured, keys_of
from music_detectors.corpus.ontology import load_ontology

PUBLISHED = {
    "ontology": (
        "ontology.json",
        "9c685f4403eecc3ca9be37fd7285cf212feaaea6ff7229d3e7ca89e0d1f2d15d",
    ),
    "classes": (
        "class_labels_indices.csv",
        "cdd1049833c4b86127c2773ac0d14a2754b6a6d0d1798002ed5c66e699708429",
    ),
    "train_segments": (
        "balanced_train_segments.csv",
        "3b83e5ff9ed72cfda37d4e36ce08250e107c1ea70f109f6ab6668ac200db5e94",
    ),
    "test_segments": (
        "eval_segments.csv",
        "f7055f53935f70e74e39494a5c8c4c78f1700fce275028bd36e31186f33d45db",
    ),
    "withheld_clips": (
        "list of clips with unlabelled music",
        "1bc0a67c6fabdd0bd56568487e6a1559880fb4cc09b4c02c874420d286f81e6d",
    ),
}
"""Name and SHA-256 of the files as AudioSet, and the study's authors, gave them out."""


def fetch_metadata(
    corpus: Mapping, copies: Mapping[str, str | os.PathLike], table: str | os.PathLike
) -> None:
    """Download the files of the `corpus` section that are URLs, and write what all of them hold.

    `copies` says, for each URL of `corpus.locations.configured`, where its local copy goes;
    one is written only after it has been read and found whole. `table` gets a row a file. A file
    that is not as published is worth a warning, no more. Raises InputError, naming the URL or the
    file, when one cannot be had or is damaged.
    """
    keys = keys_of(corpus)
    here: dict[str, Path] = {}
    rows = []
    places = configured(corpus)
    # The classes come before the lists of segments, whose labels are looked up among them.
    for name in (name for name in COPIES if name in places):
        place = places[name]
        if is_url(place):
            with replacing(copies[name], checksum=True) as temporary:
                download(place, temporary)
                try:
                    _check(name, temporary, keys[name], here.get("classes"))
                except InputError as error:
                    # The temporary file will be gone.
                    raise InputError(str(error).replace(str(temporary), place)) from error
            here[name] = Path(copies[name])
            logging.info("%s: downloaded from %s", here[name], place)
        else:
            here[name] = Path(place)
            _check(name, here[name], keys[name], here.get("classes"))
        found = sha256(here[name])
        published = _compared(corpus, name, found)
        if published == "differs":
            _warn(
                f"{place}: is not the {PUBLISHED[name][0]} that was published (its SHA-256 is "
                f"{found}, not {PUBLISHED[name][1]}); {keys[name]} may be meant so"
            )
        rows.append((name, place, here[name].stat().st_size, found, published))
    write_table(table, pd.DataFrame(rows, columns=list(METADATA)), METADATA)


def _check(name: str, path: Path, key: str, classes: Path | None) -> None:
    """Read the file to see that it is whole, and what it should be."""
    if name == "ontology":
        load_ontology(path, key)
    elif name == "classes":
        read_class_list(path, key)
    elif name == "withheld_clips":
        read_clip_ids(path, key)
    else:
        known = {mid for mid, _ in read_class_list(classes, "corpus.audioset.classes")}
        read_segments(path, known, key)


def _compared(corpus: Mapping, name: str, found: str) -> str:
    """Return whether a file is as published; a manifest's own files have nothing to be like."""
    if corpus["source"] == "manifest":
        return ""
    return "same" if found == PUBLISHED[name][1] else "differs"


def _warn(message: str) -> None:
    logging.warning(message)
    say(f"warning: {message}")
