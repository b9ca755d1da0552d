"""Reading the table of responses to played stimuli."""

import os

import pandas as pd

from music_detectors.common.tables import read_table
from music_detectors.quilts.columns import INTACT, QUILT_RESPONSES


def read_quilt_responses(path: str | os.PathLike) -> pd.DataFrame:
    """Return the rows of quilts and of intact clips made from test clips.

    `segment_ms` of intact clips is NaN. Raises InputError when the table cannot be read.
    """
    return of_test_clips(read_table(path, QUILT_RESPONSES))


def of_test_clips(table: pd.DataFrame) -> pd.DataFrame:
    """Return those rows of a table of responses to played stimuli."""
    kept = table["segment_ms"].notna() | (table["stimulus"] == INTACT)
    return table[kept & (table["split"] == "test")].reset_index(drop=True)
