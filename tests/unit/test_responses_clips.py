"""Joining responses with the clip table."""

import pytest

from music_detectors.common.errors import InputError
from music_detectors.responses.clips import described
from support.response_files import clips


def test_rows_have_the_requested_order():
    table = clips()
    found = described("train.h5", ["train-0003", "train-0000", "train-0005"], table, "train")
    assert list(found["clip_id"]) == ["train-0003", "train-0000", "train-0005"]
    assert list(found["role"]) == ["target", "other", "mixed"]
    assert list(found.index) == [0, 1, 2]


@pytest.mark.parametrize("stranger", ["nobody", "test-0001"])
def test_a_clip_of_another_split_or_of_none_is_refused(stranger):
    with pytest.raises(
        InputError, match=rf"^a/train.h5: damaged responses .clip {stranger} is not among the train"
    ):
        described("a/train.h5", ["train-0003", stranger], clips(), "train")
