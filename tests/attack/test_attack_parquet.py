"""Parquet files of recordings by a stranger: damaged ones, and bombs."""

import random

import pyarrow
import pyarrow.parquet
import pytest

from attack.limits import ROUNDS, bounded, mutated
from music_detectors.audio.archives import index_archives
from music_detectors.audio.columns import ARCHIVES
from music_detectors.audio.failures import Unusable
from music_detectors.audio.parquet import Recordings, Row
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table

WORDS = [b"PAR1", b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"]
SOUNDS = [random.Random(k).randbytes(400) for k in range(12)]


def written(path, sounds, compression):
    table = pyarrow.table(
        {
            "video_id": [f"id{k:09d}" for k in range(len(sounds))],
            "audio": [{"bytes": sound, "path": None} for sound in sounds],
        }
    )
    pyarrow.parquet.write_table(table, path, row_group_size=5, compression=compression)
    return path


def read(path):
    """Index the file and read all its rows; return the recordings, None for those refused."""
    index = path.with_name("archives.tsv")
    index_archives([path], index)
    table = read_table(index, ARCHIVES)
    rows = [
        Row(path, name, number)
        for name, number in zip(table["member"], table["offset"], strict=True)
    ]
    recordings, found = Recordings(rows), []
    for row in rows:
        try:
            with recordings.file(row) as file:
                found.append(file.read_bytes())
        except Unusable as error:
            assert error.message.isprintable()
            found.append(None)
    return found


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_random_damage_is_one_line_or_costs_recordings(tmp_path, compression):
    path = written(tmp_path / "x.parquet", SOUNDS, compression)
    assert read(path) == SOUNDS
    whole, draw = path.read_bytes(), random.Random(compression)

    def attack():
        refused = 0
        for _ in range(150 * ROUNDS):
            path.write_bytes(mutated(draw, whole, WORDS))
            try:
                found = read(path)
            except InputError as error:
                refused += 1
                assert str(error).isprintable() and len(str(error)) <= 2000
            else:
                assert len(found) <= len(SOUNDS)
        return refused

    assert bounded(attack, seconds=60 * ROUNDS, megabytes=1000) > 30


def test_a_recording_that_decompresses_without_end_is_refused(tmp_path):
    path = written(tmp_path / "x.parquet", [bytes(2**28)], "zstd")
    assert path.stat().st_size < 2**16
    (row,) = [Row(path, "id000000000.flac", 0)]
    with (
        pytest.raises(Unusable, match="more than 128 MiB for each recording"),
        Recordings([row]).file(row),
    ):
        pass
    assert bounded(read, path, megabytes=100) == [None]
