"""Parquet files of recordings, as AudioSet's mirror has them: their index, and reading rows."""

import os
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from music_detectors.audio.archive_paths import archive_paths
from music_detectors.audio.archives import ArchiveSource, index_archives
from music_detectors.audio.clips import Clip
from music_detectors.audio.columns import ARCHIVES, STATUS
from music_detectors.audio.decode import decode
from music_detectors.audio.failures import Systemic, Unusable
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.shard import decode_shard
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
from support.recordings import audio_settings, noise, record, write_clips

RATE = 22_050
IDS = [f"-a_30.000_{k}" for k in range(10)]


def of_audioset(ytid, start=30.0, end=32.0):
    return Clip(f"{ytid}_{start:.3f}", "audioset", ytid, start, end, ("/m/a",))


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Ten different FLAC files of 2 s, and one whose length only ffmpeg finds, by id."""
    folder = tmp_path_factory.mktemp("sounds")
    made = {
        ytid: record(folder / f"{k}.flac", noise(2, RATE, seed=k), RATE).read_bytes()
        for k, ytid in enumerate(IDS)
    }
    made["by_ffmpeg__"] = record(folder / "x.m4a", noise(2, RATE), RATE).read_bytes()
    return made


def write_parquet(path, sounds, form="struct", group=4, **more):
    """Write `sounds` (id -> bytes) in row groups of `group` rows."""
    if form == "struct":
        column = pyarrow.array(
            [
                None if content is None else {"bytes": content, "path": None}
                for content in sounds.values()
            ],
            pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())]),
        )
    else:
        column = pyarrow.array(list(sounds.values()), form)
    table = pyarrow.table(
        {
            "video_id": pyarrow.array(list(sounds), pyarrow.string()),
            "audio": column,
            "labels": [["/m/a"]] * len(sounds),
            "human_labels": [["A"]] * len(sounds),
        }
    )
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table, path, row_group_size=group, **more)
    return path


def opened(folder, ids, *archives):
    index_archives(archives, folder / "archives.tsv")
    return ArchiveSource(folder / "archives.tsv", [of_audioset(i) for i in ids], 2.0, None)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("form", ["struct", pyarrow.binary(), pyarrow.large_binary()])
@pytest.mark.parametrize("compression", ["snappy", "none", "zstd"])
def test_a_row_is_decoded_like_a_file(tmp_path, temporary, sounds, form, compression):
    path = write_parquet(tmp_path / "00.parquet", sounds, form, compression=compression)
    source = opened(tmp_path, sounds, path)
    table = read_table(tmp_path / "archives.tsv", ARCHIVES)
    assert table["member"].tolist() == [f"{ytid}.flac" for ytid in sounds]
    assert set(table["kind"]) == {"parquet"}
    # In another order than that of the rows.
    for ytid in [*reversed(sounds)]:
        (tmp_path / "x").write_bytes(sounds[ytid])
        expected = decode(tmp_path / "x", 0.0, 2.0)
        found = source.read(of_audioset(ytid))
        np.testing.assert_array_equal(found.samples, expected.samples)
        assert found.decoder == expected.decoder
    assert not [path for path in temporary.rglob("*") if path.is_file()], "removed when read"


def test_only_recordings_of_the_clips_are_taken_out_and_each_group_is_read_once(
    tmp_path, temporary, sounds, monkeypatch
):
    groups = []
    read = pyarrow.parquet.ParquetFile.iter_batches

    def counted(self, *args, row_groups=None, **more):
        groups.append(row_groups)
        return read(self, *args, row_groups=row_groups, **more)

    path = write_parquet(tmp_path / "00.parquet", sounds)
    source = opened(tmp_path, [IDS[0], IDS[2], IDS[3], IDS[9]], path)
    monkeypatch.setattr(pyarrow.parquet.ParquetFile, "iter_batches", counted)
    source.read(of_audioset(IDS[2]))
    left = [path.read_bytes() for path in temporary.rglob("*") if path.is_file()]
    assert sorted(left) == sorted([sounds[IDS[0]], sounds[IDS[3]]])
    for ytid in (IDS[0], IDS[9], IDS[3]):
        source.read(of_audioset(ytid))
    assert groups == [[0], [2]]
    # A clip that failed after its recording was taken out is read again.
    assert len(source.read(of_audioset(IDS[0])).samples) == 2 * SAMPLE_RATE


def test_the_same_clip_in_two_files_and_in_a_tar_archive(tmp_path, temporary, sounds):
    one = write_parquet(tmp_path / "1.parquet", sounds)
    two = write_parquet(tmp_path / "2.parquet", {IDS[0]: sounds[IDS[0]], IDS[1]: sounds[IDS[2]]})
    (tmp_path / "x.flac").write_bytes(sounds[IDS[0]])
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tmp_path / "x.flac", f"audio/{IDS[0]}.flac")
    source = opened(tmp_path, IDS, one, two, tmp_path / "a.tar")
    assert len(source.read(of_audioset(IDS[0])).samples) == 2 * SAMPLE_RATE
    with pytest.raises(Unusable) as caught:
        source.read(of_audioset(IDS[1]))
    assert caught.value.status == "ambiguous"
    # Messages name the archives, not temporary files.
    assert f"{one}:{IDS[1]}.flac" in caught.value.message
    assert f"{two}:{IDS[1]}.flac" in caught.value.message
    assert str(temporary) not in caught.value.message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "the row holds no sound"),
        (b"", "00.parquet:-a_30.000_0.flac"),
        (b"<html>not found</html>", "00.parquet:-a_30.000_0.flac"),
    ],
)
def test_a_row_without_sound_is_empty(tmp_path, temporary, sounds, content, says):
    path = write_parquet(tmp_path / "00.parquet", {**sounds, IDS[0]: content})
    source = opened(tmp_path, IDS, path)
    with pytest.raises(Unusable) as caught:
        source.read(of_audioset(IDS[0]))
    assert (caught.value.status, caught.value.reason) == ("empty", "no sound decoded")
    assert says in caught.value.message and str(temporary) not in caught.value.message
    assert len(source.read(of_audioset(IDS[1])).samples) == 2 * SAMPLE_RATE


def test_damage_to_a_row_group_costs_its_clips_alone(tmp_path, temporary, sounds):
    path = write_parquet(
        tmp_path / "00.parquet", sounds, compression="none", write_page_checksum=True
    )
    content = bytearray(path.read_bytes())
    place = content.index(sounds[IDS[5]]) + 1000
    content[place] ^= 1
    path.write_bytes(content)
    source = opened(tmp_path, IDS, path)
    status = {}
    for ytid in IDS:
        try:
            source.read(of_audioset(ytid))
            status[ytid] = "ok"
        except Unusable as error:
            status[ytid] = error.status
            assert "00.parquet" in error.message
    assert list(status.values()) == ["ok"] * 4 + ["empty"] * 4 + ["ok"] * 2


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def page(path):
    path.write_bytes(b"PAR1<html>")


def renamed(path):
    table = pyarrow.parquet.read_table(path)
    pyarrow.parquet.write_table(table.rename_columns(["id", "audio", "c", "d"]), path)


def numbered(path):
    table = pyarrow.parquet.read_table(path).drop_columns("video_id")
    pyarrow.parquet.write_table(
        table.append_column("video_id", pyarrow.array(range(len(table)))), path
    )


def addressed(path):
    table = pyarrow.parquet.read_table(path).drop_columns("audio")
    pyarrow.parquet.write_table(
        table.append_column("audio", pyarrow.array(["http://a/b"] * len(table))), path
    )


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut, "not a complete Parquet file of recordings ("),
        (page, "not a complete Parquet file of recordings ("),
        (renamed, "it lacks a column video_id, or audio"),
        (numbered, "its column video_id is no text"),
        (addressed, "its column audio holds no bytes"),
    ],
)
def test_what_is_no_such_parquet_file_is_refused(tmp_path, sounds, spoil, says):
    path = write_parquet(tmp_path / "00.parquet", sounds)
    spoil(path)
    with pytest.raises(InputError) as caught:
        index_archives([path], tmp_path / "i.tsv")
    assert str(caught.value).startswith(f"{path}: ") and says in str(caught.value)
    assert "fetch it again" in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "i.tsv").exists()


def test_hostile_ids_are_refused(tmp_path, sounds):
    some = sounds[IDS[0]]
    ids = [f"../{IDS[0]}", f"/{IDS[1]}", "a\n\t\x1b[31m", "x" * 5000]
    path = write_parquet(tmp_path / "00.parquet", {**dict.fromkeys(ids, some), None: some})
    source = opened(tmp_path, IDS, path)
    table = read_table(tmp_path / "archives.tsv", ARCHIVES)
    assert table["refused"].tolist() == ["path out of the archive"] * 2 + ["unreadable name"] * 2
    assert table["member"].map(str.isprintable).all() and len(table) == 4
    for ytid in IDS[:2]:
        with pytest.raises(Unusable, match="path out of the archive in an archive"):
            source.read(of_audioset(ytid))


def test_a_removed_or_shorter_file_is_told(tmp_path, temporary, sounds):
    path = write_parquet(tmp_path / "00.parquet", sounds)
    source = opened(tmp_path, IDS, path)
    write_parquet(path, {IDS[0]: sounds[IDS[0]]})
    with pytest.raises(Unusable, match="has changed since it was indexed"):
        source.read(of_audioset(IDS[9]))
    path.unlink()
    with pytest.raises(InputError, match=r"00\.parquet: the archive is gone; put it back"):
        source.read(of_audioset(IDS[9]))


def test_a_full_disk_is_named(tmp_path, temporary, sounds, monkeypatch):
    def full(self, content):
        raise OSError(28, "No space left on device")

    source = opened(tmp_path, IDS, write_parquet(tmp_path / "00.parquet", sounds))
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Systemic, match=f"{temporary}: No space left on device; make room"):
        source.read(of_audioset(IDS[0]))


def test_folders_hold_both_kinds_and_what_cannot_be_read_is_named(tmp_path, monkeypatch, sounds):
    monkeypatch.chdir(tmp_path)
    names = ["data/bal_train/00.parquet", "data/eval/00.parquet", "old/a.tar"]
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("data/README.md").touch()
    assert archive_paths(["data", "old"]) == names
    for name in ("b.tar.gz", "c.TGZ", "d.zip"):
        Path("old", name).touch()
        with pytest.raises(InputError, match=rf"names old, and members of old/{name} cannot be"):
            archive_paths(["old"])
        assert archive_paths(["old/*.tar"]) == ["old/a.tar"]
        os.unlink(f"old/{name}")


def test_a_shard_from_the_mirror(tmp_path, temporary, sounds):
    """Rows in another order than the clips, and the same bytes after a second run."""
    path = write_parquet(tmp_path / "data/bal_train/00.parquet", dict(reversed(sounds.items())))
    clips = [
        {
            "clip_id": f"{ytid}_30.000",
            "reference": ytid,
            "source": "audioset",
            "start_seconds": 30.0,
            "end_seconds": 32.0,
        }
        for ytid in [*IDS, "nobody_____"]
    ]
    write_clips(tmp_path / "clips.tsv", clips)
    index_archives([path], tmp_path / "archives.tsv")

    def fetch(name):
        decode_shard(
            tmp_path / "clips.tsv",
            "train",
            "00000",
            tmp_path / f"{name}.h5",
            tmp_path / f"{name}.tsv",
            settings=audio_settings(sources=["archives"]),
            clip_seconds=2.0,
            archives=tmp_path / "archives.tsv",
        )
        return (tmp_path / f"{name}.h5").read_bytes(), (tmp_path / f"{name}.tsv").read_bytes()

    assert fetch("x")[0] == fetch("y")[0]
    table = read_table(tmp_path / "x.tsv", STATUS)
    assert table["status"].tolist() == ["ok"] * 10 + ["missing"]
    assert not [path for path in temporary.rglob("*") if path.is_file()]
