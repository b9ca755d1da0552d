"""Reading clips.tsv a shard at a time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music_detectors.audio import clips as module
from music_detectors.audio.clips import Clip, clips_by_shard, read_shard_clips
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS
from support.recordings import write_clips
from support.stored import store


def clip(**changes):
    usual = ("a", "file", "/a.wav", 0.0, None, ("/m/a",))
    return Clip(*usual)._replace(**changes)


def test_a_shard_is_read_as_it_was_written(tmp_path):
    path = write_clips(
        tmp_path / "clips.tsv",
        [
            {"clip_id": "a", "reference": "/a.wav", "labels": "/m/a;/m/b"},
            {"clip_id": "b", "reference": "-_x", "start_seconds": 30.5, "end_seconds": 40.0},
            {"clip_id": "c", "reference": "/c.wav", "shard": "00001"},
            {"clip_id": "d", "reference": "/d.wav", "split": "test", "labels": ""},
        ],
    )
    assert read_shard_clips(path, "train", "00000") == [
        clip(clip_id="a", reference="/a.wav", labels=("/m/a", "/m/b")),
        clip(clip_id="b", reference="-_x", start_seconds=30.5, end_seconds=40.0),
    ]
    assert read_shard_clips(path, "test", "00000") == [
        clip(clip_id="d", reference="/d.wav", labels=())
    ]
    assert [(split, shard, len(clips)) for split, shard, clips in clips_by_shard(path)] == [
        ("train", "00000", 2),
        ("train", "00001", 1),
        ("test", "00000", 1),
    ]


# All that a path may hold but a carriage return and a zero byte; the marks of another shard and
# what a table is made of come often.
paths = st.lists(
    st.one_of(
        st.sampled_from(["\t", "\n", '"', "\ttrain\t00001\t", '"\n', "/", "-"]),
        st.characters(codec="utf-8", exclude_characters="\r\0"),
    ),
    min_size=1,
    max_size=6,
).map("".join)


@settings(max_examples=40)
@given(st.lists(paths, min_size=3, max_size=8), st.integers(1, 200))
def test_whatever_a_path_holds_each_shard_gets_its_own(tmp_path_factory, references, block):
    with pytest.MonkeyPatch.context() as patch:
        # Blocks so small that they end anywhere in a row.
        patch.setattr(module, "_BLOCK_BYTES", block)
        check_shards(tmp_path_factory, references)


def check_shards(tmp_path_factory, references):
    path = tmp_path_factory.mktemp("clips") / "clips.tsv"
    shards = sorted(f"{place % 3:05d}" for place in range(len(references)))
    table = pd.DataFrame({"reference": references, "shard": shards})
    write_clips(path, table.assign(clip_id=table.index.map(str)).to_dict("records"))
    for shard in ("00000", "00001", "00002"):
        found = [clip.reference for clip in read_shard_clips(path, "train", shard)]
        assert found == table["reference"][table["shard"] == shard].tolist()
    assert [c.reference for _, _, clips in clips_by_shard(path) for c in clips] == references
    assert read_table(path, CLIPS)["reference"].tolist() == references


def test_how_much_is_asked_for():
    assert clip().seconds_to_read(10) == 10
    assert clip(start_seconds=5.0).seconds_to_read(10) == 10
    assert clip(start_seconds=5.0, end_seconds=12.5).seconds_to_read(10) == 7.5
    assert clip(start_seconds=5.0, end_seconds=15.0).seconds_to_read(3.5) == 3.5


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"start_seconds": 3.0, "end_seconds": 3.0}, "clip a: the segment 3.0 to 3.0 s"),
        ({"start_seconds": -1.0}, "clip a: the segment -1.0 to None s"),
        ({"end_seconds": -np.inf}, "clip a: the segment"),
        ({"clip_id": "ä"}, "clip ä: the id must be plain ASCII"),
    ],
)
def test_a_clip_that_cannot_be_is_named(tmp_path, changes, says):
    path = write_clips(tmp_path / "clips.tsv", [{"clip_id": "a", "reference": "/a.wav", **changes}])
    with pytest.raises(InputError, match=says):
        read_shard_clips(path, "train", "00000")


def test_a_table_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "clips.tsv"
    with pytest.raises(InputError, match="missing"):
        read_shard_clips(path, "train", "00000")
    write_table(path, pd.DataFrame({"clip_id": ["a"]}), {"clip_id": str})
    with pytest.raises(InputError, match="no column split"):
        list(clips_by_shard(path))
    write_clips(path, [{"clip_id": "a", "reference": "/a.wav"}])
    with pytest.raises(InputError, match="it has no shard test/00000"):
        read_shard_clips(path, "test", "00000")
    whole = path.read_bytes()
    for damaged, says in (
        (whole.replace(b"\tfile\t", b"\t"), "too few fields .10."),
        (whole.replace(b"\t0.0\t", b"\tnought\t"), "clip a: times are not numbers"),
        (whole.replace(b"/a.wav", b"\xff"), "'utf-8' codec can't decode"),
    ):
        store(path, damaged)
        with pytest.raises(InputError, match=says):
            read_shard_clips(path, "train", "00000")


def test_columns_may_come_in_another_order_and_among_others(tmp_path):
    rows = [{"clip_id": name, "reference": "/a.wav", "labels": "/m/b;/m/c"} for name in "ab"]
    path = write_clips(tmp_path / "clips.tsv", rows)
    whole = read_shard_clips(path, "train", "00000")
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    table["note"] = "mine"
    store(path, table[sorted(table, reverse=True)].to_csv(sep="\t", index=False))
    assert read_shard_clips(path, "train", "00000") == whole
    assert [clips for _, _, clips in clips_by_shard(path)] == [whole]


def test_a_shard_whose_rows_lie_apart_is_refused(tmp_path):
    path = write_clips(
        tmp_path / "clips.tsv",
        [
            {"clip_id": name, "reference": "/a.wav", "shard": shard}
            for name, shard in (("a", "00000"), ("b", "00001"), ("c", "00000"))
        ],
    )
    with pytest.raises(InputError, match="shard train/00000 are not adjacent"):
        list(clips_by_shard(path))
