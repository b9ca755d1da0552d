"""The mean level of the corpus."""

import numpy as np
import pandas as pd
import pytest

from music_detectors.audio.columns import LEVEL, STATUS
from music_detectors.audio.level import measure_level, read_level
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table


def write_status(path, rows):
    table = pd.DataFrame(rows, columns=["clip_id", "status", "rms_db"])
    write_table(
        path, table.assign(reason="", message="", attempts=1, source="", n_samples=5), STATUS
    )
    return path


def test_it_is_the_mean_amplitude_of_the_usable_clips_of_all_shards(tmp_path):
    first = write_status(
        tmp_path / "a.tsv", [("a", "ok", -20), ("b", "missing", np.nan), ("c", "short", -40)]
    )
    second = write_status(tmp_path / "b.tsv", [("d", "silent", -np.inf), ("e", "ok", 0)])
    measure_level([first, second], tmp_path / "level.tsv")
    found = read_table(tmp_path / "level.tsv", LEVEL)
    assert found["n_clips"].tolist() == [3]
    assert read_level(tmp_path / "level.tsv") == pytest.approx((0.1 + 0.01 + 1) / 3)


def test_a_corpus_without_sound(tmp_path):
    silent = write_status(tmp_path / "a.tsv", [("a", "silent", -np.inf), ("b", "ok", -np.inf)])
    with pytest.raises(InputError, match=r"level\.tsv: no clip has any sound"):
        measure_level([silent], tmp_path / "level.tsv")
    unusable = write_status(tmp_path / "b.tsv", [("a", "missing", np.nan)])
    with pytest.raises(InputError, match="no clip has any sound"):
        measure_level([unusable], tmp_path / "level.tsv")


def test_a_usable_clip_without_a_level(tmp_path):
    path = write_status(tmp_path / "a.tsv", [("a", "ok", -3), ("b", "ok", np.nan)])
    with pytest.raises(InputError, match=r"a\.tsv: damaged table \(usable clip b has no level"):
        measure_level([path], tmp_path / "level.tsv")


@pytest.mark.parametrize("rms", [[], [0.0], [0.1, 0.2], [np.nan]])
def test_a_table_that_holds_no_level(tmp_path, rms):
    path = tmp_path / "level.tsv"
    write_table(
        path,
        pd.DataFrame({"n_clips": [1] * len(rms), "rms": rms}, dtype=float).astype({"n_clips": int}),
        LEVEL,
    )
    with pytest.raises(InputError, match=r"level\.tsv: damaged table \(must hold one row"):
        read_level(path)
