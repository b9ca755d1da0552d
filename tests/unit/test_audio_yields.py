"""The yield table and the gate on it."""

import numpy as np
import pandas as pd
import pytest
from recordings import write_classes, write_clips

from stages.audio.columns import STATUS, YIELD
from stages.audio.yields import check_audio
from stages.common.errors import InputError
from stages.common.tables import read_table, write_table

# split, shard, clip, labels, status
CLIPS = [
    ("train", "00000", "a", "/m/a", "ok"),
    ("train", "00000", "b", "/m/a;/m/b", "missing"),
    ("train", "00001", "c", "/m/b", "short"),
    ("train", "00001", "d", "/m/a", "ok"),
    ("test", "00000", "e", "/m/a", "silent"),
    ("test", "00000", "f", "/m/b", "empty"),
    ("test", "00000", "g", "/m/b", "empty"),
]


def write(folder, clips=CLIPS):
    """Write the tables of `clips`; returns the arguments of check_audio but the limit."""
    names = ["split", "shard", "clip_id", "labels", "status"]
    table = pd.DataFrame(clips, columns=names)
    path = write_clips(
        folder / "clips.tsv", table[names[:4]].assign(reference="/x").to_dict("records")
    )
    status = []
    for (split, shard), rows in table.groupby(["split", "shard"]):
        status.append(folder / "audio" / split / f"{shard}.status.tsv")
        rows = rows.assign(reason=rows["status"] + " it is", attempts=1, source="file")
        rows = rows.assign(message="seen\nthere", n_samples=0, rms_db=np.nan)
        write_table(status[-1], rows.iloc[::-1], STATUS)
    classes = write_classes(folder / "classes.tsv", ["/m/a", "/m/b", "/m/c"])
    return {"clips": path, "classes": classes, "status": status, "table": folder / "yield.tsv"}


def test_clips_are_counted_by_split_class_and_status(tmp_path):
    arguments = write(tmp_path)
    check_audio(**arguments, max_bad_share=0.7)
    found = read_table(arguments["table"], YIELD)
    assert list(
        found[["split", "class", "status", "clips"]].itertuples(index=False, name=None)
    ) == [
        ("train", "*", "ok", 2),
        ("train", "*", "short", 1),
        ("train", "*", "missing", 1),
        ("train", "/m/a", "ok", 2),
        ("train", "/m/a", "missing", 1),
        ("train", "/m/b", "short", 1),
        ("train", "/m/b", "missing", 1),
        ("test", "*", "silent", 1),
        ("test", "*", "empty", 2),
        ("test", "/m/a", "silent", 1),
        ("test", "/m/b", "empty", 2),
    ]
    assert found["share"].tolist()[:5] == [2 / 4, 1 / 4, 1 / 4, 2 / 3, 1 / 3]
    assert found["name"].tolist()[:4] == ["all classes"] * 3 + ["class /m/a"]


@pytest.mark.parametrize(("limit", "stops"), [(0.65, "test"), (0.2, "train"), (0.67, None)])
def test_a_share_above_the_limit_stops_the_run_with_the_reasons(
    tmp_path, capsys, caplog, limit, stops
):
    arguments = write(tmp_path)
    if stops is None:
        check_audio(**arguments, max_bad_share=limit)
        assert capsys.readouterr().err == ""
        return
    with pytest.raises(InputError) as caught:
        check_audio(**arguments, max_bad_share=limit)
    message = str(caught.value)
    share = "2 of 3 clips of test (66.7%)" if stops == "test" else "1 of 4 clips of train (25.0%)"
    assert message.startswith(share)
    assert f"audio.max_bad_share allows ({limit:.1%})" in message
    assert str(tmp_path / "audio") in message and "\n" not in message
    said = capsys.readouterr().err
    lines = said.splitlines()
    assert lines[0].split() == ["status", "reason", "clips", "example"]
    assert lines[1].split(maxsplit=4) == (
        ["empty", "empty", "it", "is", "2  f: seen there"]
        if stops == "test"
        else ["missing", "missing", "it", "is", "1  b: seen there"]
    )
    assert lines[1] in caplog.text
    assert arguments["table"].exists()


def test_a_split_without_any_usable_clip_stops_whatever_the_limit(tmp_path):
    arguments = write(tmp_path, [("train", "00000", "a", "/m/a", "missing")])
    with pytest.raises(InputError, match=r"1 of 1 clips of train \(100.0%\) are of no use"):
        check_audio(**arguments, max_bad_share=1.0)


def test_every_clip_needs_exactly_one_status(tmp_path):
    arguments = write(tmp_path)
    path = arguments["status"][-1]
    whole = read_table(path, STATUS)
    twice = pd.concat([whole, whole.iloc[:1]])
    stranger = pd.concat([whole, whole.iloc[:1].assign(clip_id="z")])
    for rows, says in (
        (whole.iloc[1:], "clip d has no status"),
        (twice, "clip d has more than one status"),
        (stranger, "clip z has a status, but is not in the shard"),
    ):
        write_table(path, rows, STATUS)
        with pytest.raises(InputError, match=f"shard train/00001: {says}"):
            check_audio(**arguments, max_bad_share=1.0)


def test_every_shard_needs_its_status_table(tmp_path):
    arguments = write(tmp_path)
    with pytest.raises(InputError, match="shard train/00001: has no status table"):
        check_audio(**{**arguments, "status": arguments["status"][:-1]}, max_bad_share=1.0)
    stray = tmp_path / "audio" / "train" / "00009.status.tsv"
    with pytest.raises(InputError, match=r"00009\.status\.tsv: belongs to no shard"):
        check_audio(**{**arguments, "status": [*arguments["status"], stray]}, max_bad_share=1.0)


def test_a_label_that_is_no_class_is_named(tmp_path):
    arguments = write(tmp_path, [("train", "00000", "a", "/m/z", "ok")])
    with pytest.raises(InputError, match="clip a bears /m/z"):
        check_audio(**arguments, max_bad_share=1.0)
