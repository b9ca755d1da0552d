"""The sounds of the table of excerpts, as the page shows them."""

import base64
import binascii
import os
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup

from music_detectors.common.damage import damaged
from music_detectors.common.tables import read_table
from music_detectors.report.columns import EXCERPTS, LICENCE, SIZE

_SIGNATURE = b"OggS"


class Sounds(NamedTuple):
    """The sounds beside a figure: `groups` of rows of the table, each with its heading.

    `terms` are the licence and attribution of all, if they are the same. `unlicensed` and
    `too_many` count those that are left out, for either reason.
    """

    groups: list[tuple[str, list[dict]]]
    terms: str
    unlicensed: int
    too_many: int


def sounds_of(path: str | os.PathLike) -> dict[str, Sounds]:
    """Return the sounds in the table at `path` by figure.

    Raises InputError, naming the file, when it cannot be read or holds what is no sound.
    """
    table = read_table(path, EXCERPTS)
    found = {}
    for figure, rows in table.groupby("figure", sort=False):
        left_out = rows["left_out"].value_counts()
        played = rows[rows["left_out"] == ""]
        terms = [_terms(row) for _, row in played.iterrows()]
        same = terms[0] if len(set(terms)) == 1 else ""
        groups = [
            (group, [_shown(path, row, "" if same else _terms(row)) for _, row in own.iterrows()])
            for group, own in played.groupby("group", sort=False)
        ]
        found[figure] = Sounds(
            groups, same, int(left_out.get(LICENCE, 0)), int(left_out.get(SIZE, 0))
        )
    return found


def _shown(path: str | os.PathLike, row: pd.Series, terms: str) -> dict:
    try:
        content = base64.b64decode(row["ogg"], validate=True)
    except binascii.Error as error:
        raise damaged(path, "table", f"{row['clip_id']}: {error}") from error
    if not content.startswith(_SIGNATURE):
        raise damaged(path, "table", f"the sound of {row['clip_id']} is not Ogg")
    return {
        "title": row["title"],
        "clip_id": row["clip_id"],
        "seconds": row["seconds"],
        "terms": terms,
        "data": Markup(row["ogg"]),
    }


def _terms(row: pd.Series) -> str:
    return "; ".join(filter(None, (row["attribution"], row["licence"])))
