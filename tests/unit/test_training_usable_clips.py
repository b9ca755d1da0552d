"""The limits on the yield that training checks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_detectors.audio.yield_limits import clips_needed, shortage
from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.spectrograms.columns import INDEX
from music_detectors.training.usable_clips import check_training_clips
from support.networks_corpus import make_corpus


@given(
    clips=st.integers(1, 10**6),
    share=st.floats(0, 1),
    at_least=st.integers(0, 10**6),
    usable=st.integers(0, 10**6),
)
def test_a_shortage_is_reported_exactly_below_the_limit(clips, share, at_least, usable):
    needed = clips_needed(clips, share, at_least)
    assert needed >= max(1, at_least)
    short = shortage("train", usable, clips, share, at_least)
    assert bool(short) == (usable < needed)


def test_a_shortage_names_the_key():
    assert shortage("test", 7, 10, 0.25, 1).endswith(
        "audio.max_bad_share allows 25.0% to be unusable"
    )
    assert shortage("test", 8, 10, 0.25, 9).endswith("audio.min_clips.test asks for 9")
    assert shortage("test", 8, 10, 0.25, 8) == ""


def test_only_the_train_split_is_counted(tmp_path):
    corpus = make_corpus(tmp_path, n=24)
    check_training_clips(corpus.index, corpus.clips, 0, 24)
    write_table(corpus.index, corpus.index_table.iloc[:20], INDEX)
    check_training_clips(corpus.index, corpus.clips, 0.2, 20)
    with pytest.raises(InputError, match=r"20 of 24 clips of train \(83\.3%\) .* allows 10\.0%"):
        check_training_clips(corpus.index, corpus.clips, 0.1, 20)
    with pytest.raises(InputError, match=r"audio\.min_clips\.train asks for 21"):
        check_training_clips(corpus.index, corpus.clips, 0.2, 21)
