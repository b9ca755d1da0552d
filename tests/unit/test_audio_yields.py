"""The yield tables and the gate."""

import numpy as np
import pandas as pd
import pytest

from music_detectors.audio import yields
from music_detectors.audio.columns import GATE, SPLIT_YIELD, STATUS, YIELD
from music_detectors.audio.yields import check_audio, summarise_yield
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from support.recordings import write_classes, write_clips

# split, shard, clip, labels, status
CLIPS = [
    ("train", "00000", "a", "/m/a", "ok"),
    ("train", "00000", "b", "/m/a;/m/b", "missing"),
    ("train", "00001", "c", "/m/b", "short"),
    ("train", "00001", "d", "/m/a", "ok"),
    ("test", "00000", "e", "/m/a", "short"),
    ("test", "00000", "f", "/m/b", "empty"),
    ("test", "00000", "g", "/m/b", "empty"),
]


def write(folder, clips=CLIPS, source="file"):
    """Write the tables of `clips`; return the arguments of summarise_yield."""
    names = ["split", "shard", "clip_id", "labels", "status"]
    table = pd.DataFrame(clips, columns=names)
    rows = table[names[:4]].assign(reference="/x", source=source).to_dict("records")
    path = write_clips(folder / "clips.tsv", rows)
    status = []
    for (split, shard), rows in table.groupby(["split", "shard"]):
        status.append(folder / "audio" / split / f"{shard}.status.tsv")
        rows = rows.assign(reason=rows["status"] + " it is", attempts=1, source=source)
        rows = rows.assign(message="seen\nthere", n_samples=0, rms_db=np.nan)
        write_table(status[-1], rows.iloc[::-1], STATUS)
    return {
        "clips": path,
        "classes": write_classes(folder / "classes.tsv", ["/m/a", "/m/b", "/m/c"]),
        "status": status,
        "table": folder / "audio" / "yield.tsv",
        "splits": folder / "audio" / "yield_splits.tsv",
    }


def check(arguments, max_bad_share=1.0, **min_clips):
    """Summarise and check the yield; return the gate table."""
    summarise_yield(**arguments)
    gate = arguments["table"].with_name("gate.tsv")
    tables = {name: arguments[name] for name in ("table", "splits")}
    check_audio(
        **tables,
        gate=gate,
        max_bad_share=max_bad_share,
        min_clips={"train": 1, "test": 1} | min_clips,
    )
    return read_table(gate, GATE)


def test_clips_are_counted_by_split_class_status_and_reason(tmp_path):
    arguments = write(tmp_path)
    summarise_yield(**arguments)
    found = read_table(arguments["table"], YIELD)
    columns = ["split", "class", "status", "clips", "example"]
    assert list(found[columns].itertuples(index=False, name=None)) == [
        ("train", "*", "ok", 2, ""),
        ("train", "*", "short", 1, ""),
        ("train", "*", "missing", 1, "b: seen there"),
        ("train", "/m/a", "ok", 2, ""),
        ("train", "/m/a", "missing", 1, ""),
        ("train", "/m/b", "short", 1, ""),
        ("train", "/m/b", "missing", 1, ""),
        ("test", "*", "short", 1, ""),
        ("test", "*", "empty", 2, "f: seen there"),
        ("test", "/m/a", "short", 1, ""),
        ("test", "/m/b", "empty", 2, ""),
    ]
    assert (found["reason"] == found["status"] + " it is").all()
    assert found["share"].tolist()[:5] == [2 / 4, 1 / 4, 1 / 4, 2 / 3, 1 / 3]
    assert found["name"].tolist()[:4] == ["all classes"] * 3 + ["class /m/a"]
    splits = read_table(arguments["splits"], SPLIT_YIELD)
    assert splits.iloc[:, :4].to_numpy().tolist() == [["train", 4, 3, 3 / 4], ["test", 3, 1, 1 / 3]]
    assert splits[["mirror_2023", "mirror_2023_share"]].isna().all(axis=None)


def test_each_reason_of_a_status_has_its_own_row(tmp_path):
    arguments = write(tmp_path)
    path = arguments["status"][0]
    rows = read_table(path, STATUS)
    rows["reason"] = [f"reason {clip}" for clip in rows["clip_id"]]
    write_table(path, rows, STATUS)
    summarise_yield(**arguments)
    found = read_table(arguments["table"], YIELD)
    own = found[(found["split"] == "test") & (found["class"] == "*")]
    assert own[["reason", "clips"]].to_numpy().tolist() == [
        ["reason e", 1],
        ["reason f", 1],
        ["reason g", 1],
    ]


@pytest.mark.parametrize(
    ("source", "listed", "expected"),
    [("audioset", 4, [2.0, 0.5]), ("audioset", 5, None), ("file", 4, None)],
)
def test_the_mirror_is_shown_for_its_own_lists_only(
    tmp_path, monkeypatch, source, listed, expected
):
    monkeypatch.setattr(yields, "MIRROR_2023", {"train": (listed, 2), "test": (9, 9)})
    arguments = write(tmp_path, source=source)
    summarise_yield(**arguments)
    splits = read_table(arguments["splits"], SPLIT_YIELD).set_index("split")
    mirror = splits.loc["train", ["mirror_2023", "mirror_2023_share"]].tolist()
    assert mirror == expected if expected else np.isnan(mirror).all()
    assert np.isnan(splits.loc["test", "mirror_2023"])


@pytest.mark.parametrize(("limit", "stops"), [(0.65, "test"), (0.2, "train"), (0.67, None)])
def test_a_share_above_the_limit_stops_the_run_with_the_reasons(
    tmp_path, capsys, caplog, limit, stops
):
    arguments = write(tmp_path)
    if stops is None:
        assert check(arguments, limit)["needed"].tolist() == [2, 1]
        assert capsys.readouterr().err == ""
        return
    with pytest.raises(InputError) as caught:
        check(arguments, limit)
    message = str(caught.value)
    share = "1 of 3 clips of test (33.3%)" if stops == "test" else "3 of 4 clips of train (75.0%)"
    assert message.startswith(f"{share} are usable, and audio.max_bad_share allows {limit:.1%}")
    assert str(tmp_path / "audio") in message and "\n" not in message
    stderr = capsys.readouterr().err
    lines = stderr.splitlines()
    assert lines[0].split() == ["status", "reason", "clips", "example"]
    assert lines[1].split(maxsplit=4) == (
        ["empty", "empty", "it", "is", "2  f: seen there"]
        if stops == "test"
        else ["missing", "missing", "it", "is", "1  b: seen there"]
    )
    assert lines[1] in caplog.text
    assert not arguments["table"].with_name("gate.tsv").exists()


def test_too_few_clips_stop_the_run_for_any_share(tmp_path):
    arguments = write(tmp_path)
    assert check(arguments, train=3)["needed"].tolist() == [3, 1]
    with pytest.raises(
        InputError, match=r"3 of 4 clips of train .* audio\.min_clips\.train asks for 4"
    ):
        check(arguments, train=4)
    with pytest.raises(
        InputError, match=r"of train .*; 1 of 3 clips of test .*min_clips\.test asks"
    ):
        check(arguments, train=4, test=2)


def test_a_split_without_usable_clips_stops_the_run_for_any_limit(tmp_path):
    arguments = write(tmp_path, [("train", "00000", "a", "/m/a", "missing")])
    with pytest.raises(InputError, match=r"0 of 1 clips of train \(0\.0%\) are usable"):
        check(arguments)


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
        with pytest.raises(InputError, match=rf"00001\.status\.tsv: damaged table .{says}"):
            summarise_yield(**arguments)


def test_every_shard_needs_its_status_table(tmp_path):
    arguments = write(tmp_path)
    with pytest.raises(InputError, match="shard train/00001: no status table"):
        summarise_yield(**{**arguments, "status": arguments["status"][:-1]})
    stray = tmp_path / "audio" / "train" / "00009.status.tsv"
    with pytest.raises(InputError, match=r"00009\.status\.tsv: damaged table .its shard is not in"):
        summarise_yield(**{**arguments, "status": [*arguments["status"], stray]})


def test_an_unknown_label_is_named(tmp_path):
    arguments = write(tmp_path, [("train", "00000", "a", "/m/z", "ok")])
    with pytest.raises(InputError, match="clip a has the label /m/z"):
        summarise_yield(**arguments)
