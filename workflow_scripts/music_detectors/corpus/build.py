"""The tables of classes, branches and clips, from whichever source is configured."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from music_detectors.common.errors import InputError, warn
from music_detectors.common.files import check_checksum
from music_detectors.common.tables import write_table
from music_detectors.common.urls import is_url, shown_url, url_problem
from music_detectors.corpus.branches import Branches
from music_detectors.corpus.classes import ClassList, branches_of, load_classes
from music_detectors.corpus.columns import BRANCHES, CLASSES, CLIPS, SUMMARY
from music_detectors.corpus.inputs import read_clip_ids, repeated
from music_detectors.corpus.sizes import require_clips, shard_names
from music_detectors.corpus.sources import SPLITS, Listing, source_named

_ROLES = ("target", "other", "mixed")


class Tables(NamedTuple):
    """The tables of a corpus."""

    classes: pd.DataFrame
    branches: pd.DataFrame
    clips: pd.DataFrame
    summary: pd.DataFrame


def build_corpus(corpus: Mapping, seed: int) -> Tables:
    """Return the tables of the corpus that the `corpus` section describes.

    Clips keep the order of their source within a split. Raises InputError, naming the
    configuration's key or the file and line, when the corpus is not usable.
    """
    classes = load_classes(corpus)
    listings = source_named(corpus["source"]).clips(corpus, seed, classes)
    require_clips(
        {split: len(listing.clip_ids) for split, listing in listings.items()}, corpus["source"]
    )
    clips = _clip_table(corpus, classes, listings)
    summary = _summarise(clips)
    _check_summary(summary, corpus)
    branches = branches_of(classes)
    return Tables(_class_table(classes), _branch_table(branches), clips, summary)


def make_corpus(
    corpus: Mapping,
    seed: int,
    planned: Mapping[str, int],
    copies: Iterable[str | os.PathLike],
    classes_path: str | os.PathLike,
    branches_path: str | os.PathLike,
    clips_path: str | os.PathLike,
    summary_path: str | os.PathLike,
) -> None:
    """Write the tables of `build_corpus`: classes.tsv, branches.tsv, clips.tsv and summary.tsv.

    `copies` are those of its files that `fetch_metadata` made. Raises InputError also when one of
    them is damaged, and when a split has not as many clips as were `planned` for.
    """
    for path in copies:
        check_checksum(path, "copy")
    tables = build_corpus(corpus, seed)
    _check_plan(tables.summary, planned, corpus)
    logging.info(
        "%d classes: %d target, %d genres",
        len(tables.classes),
        tables.classes["target"].sum(),
        tables.classes["genre"].sum(),
    )
    for row in tables.summary.to_dict("records"):
        logging.info(", ".join(f"{name} {value}" for name, value in row.items()))
    write_table(classes_path, tables.classes, CLASSES)
    write_table(branches_path, tables.branches, BRANCHES)
    write_table(clips_path, tables.clips, CLIPS)
    write_table(summary_path, tables.summary, SUMMARY)


def _clip_table(
    corpus: Mapping, classes: ClassList, listings: Mapping[str, Listing]
) -> pd.DataFrame:
    sound = source_named(corpus["source"]).SOUND
    parts = []
    for split in SPLITS:
        listing = listings[split]
        labels = listing.labels
        # Sets of labels recur: each is looked up once.
        facts = {own: (";".join(own), classes.role(own)) for own in set(labels)}
        own_facts = [facts[own] for own in labels]
        parts.append(
            pd.DataFrame(
                {
                    "clip_id": listing.clip_ids,
                    "split": split,
                    "shard": _shards(len(labels), corpus["shard_clips"]),
                    "source": _sources(sound, listing.references),
                    "reference": listing.references,
                    "group": listing.groups,
                    "start_seconds": np.array(listing.starts, dtype=np.float64),
                    "end_seconds": np.array(listing.ends, dtype=np.float64),
                    "labels": [fact[0] for fact in own_facts],
                    "role": [fact[1] for fact in own_facts],
                }
            )
        )
    clips = pd.concat(parts, ignore_index=True)
    if not clips["clip_id"].is_unique:
        raise InputError(
            f"configuration: corpus has the clip {repeated(clips['clip_id'].tolist())} in both "
            "train and test; remove it from one of the lists"
        )
    clips["listed"] = _listed(clips, corpus["withheld_clips"])
    return clips


def _sources(sound: str, references: Sequence[str]) -> list[str]:
    """Return where each clip comes from, as the stage `audio` calls it."""
    if sound != "recordings":
        return [sound] * len(references)
    for reference in references:
        # Those of a manifest come without queries.
        if is_url(reference) and ("?" in reference or url_problem(reference)):
            raise InputError(
                f"{shown_url(reference)}: the source gives it with a query or a password, which "
                "clips.tsv would publish; list such recordings in a manifest"
            )
    return ["url" if is_url(reference) else "file" for reference in references]


def _listed(clips: pd.DataFrame, path: str | os.PathLike | None) -> pd.Series:
    """Return which train clips the file at `path` lists."""
    if path is None:
        return pd.Series(False, index=clips.index)
    listed = set(read_clip_ids(path, "corpus.withheld_clips"))
    unknown = len(listed) - int(clips["clip_id"].isin(listed).sum())
    if unknown:
        warn(f"{path}: {unknown} of its {len(listed)} clips are not in the corpus")
    return clips["clip_id"].isin(listed) & (clips["split"] == "train")


def _shards(n_clips: int, shard_clips: int) -> list[str]:
    names = shard_names(n_clips, shard_clips)
    return [name for name in names for _ in range(shard_clips)][:n_clips]


def _class_table(classes: ClassList) -> pd.DataFrame:
    mids = classes.mids
    return pd.DataFrame(
        {
            "index": np.arange(len(mids)),
            "mid": mids,
            "name": classes.names,
            "branch": classes.branches,
            "target": [mid in classes.target for mid in mids],
            "genre": [mid in classes.genres for mid in mids],
        }
    )


def _branch_table(branches: Branches) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": list(branches.classes),
            "name": [branches.names.names[mid] for mid in branches.classes],
            "classes": [";".join(own) for own in branches.classes.values()],
        }
    )


def _summarise(clips: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for split in SPLITS:
        own = clips[clips["split"] == split]
        rows.append(
            {
                "split": split,
                "clips": len(own),
                **{role: int((own["role"] == role).sum()) for role in _ROLES},
            }
        )
    return pd.DataFrame(rows)


def _check_plan(summary: pd.DataFrame, planned: Mapping[str, int], corpus: Mapping) -> None:
    for split, clips in zip(summary["split"], summary["clips"], strict=True):
        if clips == planned[split]:
            continue
        source = corpus["source"]
        if "clips" in corpus[source]:
            advice = f"set corpus.{source}.clips.{split} to {clips} and run again"
        else:
            advice = "its files have changed meanwhile; run again"
        raise InputError(
            f"configuration: corpus has {clips} clips in the {split} split, but the run was "
            f"planned for {planned[split]}; {advice}"
        )


def _check_summary(summary: pd.DataFrame, corpus: Mapping) -> None:
    by_split = summary.set_index("split")
    for role in ("target", "other"):
        require_clips(by_split[role].to_dict(), corpus["source"], role)
