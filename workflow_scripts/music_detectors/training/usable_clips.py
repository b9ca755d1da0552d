"""Refuse to train when too few train clips are usable."""

import os

from music_detectors.audio.yield_limits import shortage
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.spectrograms.shard import read_index


def check_training_clips(
    index: str | os.PathLike, clips: str | os.PathLike, max_bad_share: float, min_clips: int
) -> None:
    """Raise InputError when the train split's `index` has too few of its `clips` to train on.

    `clips` is the table of the corpus, `index` lists the usable ones of the train split. The limits
    are those of `check_audio`, which looks at the other split too.
    """
    splits = read_table(clips, CLIPS, only=("split",))["split"]
    asked = int((splits == "train").sum())
    short = shortage("train", len(read_index(index)), asked, max_bad_share, min_clips)
    if short:
        raise InputError(f"{short}; see audio/yield.tsv, and docs/fetching.md")
