"""The clips of the corpus as a plan counts them."""

import hashlib
import os

import pandas as pd

from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES, CLIPS

_READ = ("clip_id", "split", "group", "labels", "role", "listed")


def planned_clips(clips: str | os.PathLike, classes: str | os.PathLike) -> dict:
    """Return what a plan says of the clips in clips.tsv and the classes in classes.tsv.

    `roles` has one entry per split and role, `genres` one per genre of the target, both with the
    numbers of clips and of groups (recordings); of a genre they are those of target clips. `digest`
    is of the clips, their groups, labels, roles and splits. Raises InputError, naming the file,
    when one cannot be read.
    """
    table = read_table(clips, CLIPS, only=_READ)
    named = read_table(classes, CLASSES)
    roles = [
        {"split": split, "role": role, **_counted(rows)}
        for (split, role), rows in table.groupby(["split", "role"], sort=True)
    ]
    of_target = table[table["role"] == "target"]
    labels = of_target["labels"].str.split(";")
    genres = []
    for genre in named[named["genre"]].itertuples():
        with_it = of_target[[genre.mid in own for own in labels]]
        by_split = {
            split: _counted(with_it[with_it["split"] == split]) for split in ("train", "test")
        }
        genres.append({"name": genre.name, **by_split})
    return {"digest": digest_of_clips(clips), "roles": roles, "genres": genres}


def digest_of_clips(clips: str | os.PathLike) -> str:
    """Return a digest of 16 digits of the clips in clips.tsv, whatever their order and shards."""
    table = read_table(clips, CLIPS, only=_READ).sort_values("clip_id", kind="stable")
    content = table.to_csv(sep="\t", index=False, lineterminator="\n")
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _counted(rows: pd.DataFrame) -> dict[str, int]:
    return {"clips": len(rows), "groups": int(rows["group"].nunique())}
