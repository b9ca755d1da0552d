"""Labels as a matrix."""

import pytest

from music_detectors.common.errors import InputError
from music_detectors.corpus.labels import label_matrix


def test_one_row_per_clip_and_one_column_per_class():
    matrix = label_matrix(["k", "l", "m"], [["b", "d"], [], ["a"]], ["a", "b", "c", "d"], "t.tsv")
    assert matrix.tolist() == [
        [False, True, False, True],
        [False, False, False, False],
        [True, False, False, False],
    ]


def test_a_label_that_is_no_class_names_table_and_clip():
    with pytest.raises(
        InputError, match=r"t\.tsv: damaged table \(clip m has the label 'a', which is no class"
    ):
        label_matrix(["k", "m"], [["b"], ["a"]], ["b"], "t.tsv")
