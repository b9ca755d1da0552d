"""Files, tables, seeds, HDF5 and messages."""

import errno
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_detectors.common import orphans
from music_detectors.common.errors import ComeBackLater, InputError, one_line
from music_detectors.common.files import replacing, sha256
from music_detectors.common.hdf5 import CHECKED, create_hdf5, open_hdf5, read_strings, write_strings
from music_detectors.common.job import job
from music_detectors.common.progress import progress
from music_detectors.common.seeds import generator, seed_of
from music_detectors.common.tables import read_table, write_table
from support.stored import store

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"
COLUMNS = {"name": str, "count": int, "value": float, "flag": bool}


def test_replacing_leaves_the_old_file_when_the_block_fails(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_replacing_respects_the_umask(tmp_path):
    with replacing(tmp_path / "deep" / "a.txt") as temporary:
        temporary.write_text("x")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "deep" / "a.txt").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_killed_writer_leaves_nothing_under_the_final_name(tmp_path):
    program = textwrap.dedent(
        f"""
        import os, signal
        from music_detectors.common.files import replacing
        with replacing({str(tmp_path / "a.txt")!r}) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    ended = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(SCRIPTS)})
    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "a.txt").exists()


def test_sha256_of_a_known_text(tmp_path):
    (tmp_path / "abc").write_text("abc")
    assert sha256(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20),
            st.integers(-(2**62), 2**62),
            st.floats(allow_nan=True, allow_infinity=True),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_tables_read_back_exactly(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("tables") / "t.tsv"
    table = pd.DataFrame(
        {
            "name": pd.Series([row[0] for row in rows], dtype=object),
            "count": np.array([row[1] for row in rows], dtype=np.int64),
            "value": np.array([row[2] for row in rows], dtype=np.float64),
            "flag": np.array([row[3] for row in rows], dtype=bool),
        }
    )
    write_table(path, table, COLUMNS)
    back = read_table(path, COLUMNS)
    assert list(back["name"]) == list(table["name"])
    assert list(back["count"]) == list(table["count"])
    np.testing.assert_array_equal(back["value"], table["value"])
    assert list(back["flag"]) == list(table["flag"])


def test_labels_that_look_missing_stay_text(tmp_path):
    write_table(tmp_path / "t.tsv", pd.DataFrame({"name": ["NA", "nan", ""]}), {"name": str})
    assert list(read_table(tmp_path / "t.tsv", {"name": str})["name"]) == ["NA", "nan", ""]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no column name"),
        ("name\tcount\n", "no column value"),
        ("name\tcount\tvalue\tflag\na\tb\t1\ttrue\n", "column count: invalid literal"),
        ("name\tcount\tvalue\tflag\na\t1\tx\ttrue\n", "column value: could not convert"),
        ("name\tcount\tvalue\tflag\na\t1\t1\tyes\n", "column flag: 'yes'"),
    ],
)
def test_an_unusable_table_is_named(tmp_path, content, says):
    path = store(tmp_path / "t.tsv", content)
    with pytest.raises(InputError, match=says) as raised:
        read_table(path, COLUMNS)
    assert str(raised.value).startswith(f"{path}: damaged table (")


def test_read_some_columns_of_a_table(tmp_path):
    path = store(tmp_path / "t.tsv", "name\tcount\tvalue\tflag\na\t1\t0.5\ttrue\n")
    table = read_table(path, COLUMNS, only=("flag", "name"))
    assert table.to_dict("list") == {"flag": [True], "name": ["a"]}


def test_a_table_made_by_hand_is_read_with_one_warning(tmp_path, caplog, capsys):
    path = tmp_path / "t.tsv"
    # As a spreadsheet saves it: other columns, another order, capitals, Windows line ends.
    path.write_bytes("\ufeffnote\tflag\tvalue\tcount\tname\r\nx\tTRUE\t0.5\t1\té\r\n".encode())
    for _ in range(2):
        table = read_table(path, COLUMNS)
        assert table.to_dict("list") == {
            "name": ["é"],
            "count": [1],
            "value": [0.5],
            "flag": [True],
        }
    line = f"{path}: this table has no checksum (.t.tsv.sha256); reading it as it is"
    assert caplog.messages == [line]
    # The user sees it too, not only who reads the log.
    assert capsys.readouterr().err == f"warning: {line}\n"


def test_an_edited_table_is_refused_until_the_edit_is_accepted(tmp_path):
    path = tmp_path / "my table.tsv"
    write_table(path, pd.DataFrame({"name": ["a"]}), {"name": str})
    path.write_text("name\nb\n")
    with pytest.raises(InputError) as raised:
        read_table(path, {"name": str})
    rebuild, accept = re.findall(r": (rm -r .+?), then the same command again", str(raised.value))
    subprocess.run(accept, shell=True, check=True)
    assert list(read_table(path, {"name": str})["name"]) == ["b"]
    subprocess.run(rebuild, shell=True, check=True)
    write_table(path, pd.DataFrame({"name": ["a"]}), {"name": str})
    assert list(read_table(path, {"name": str})["name"]) == ["a"]


@pytest.mark.parametrize(("name", "values"), [("flag", [1, 0]), ("count", [0.5, 1.0])])
def test_a_column_of_another_type_is_not_written(tmp_path, name, values):
    with pytest.raises(ValueError, match=f"column {name}"):
        write_table(tmp_path / "t.tsv", pd.DataFrame({name: values}), {name: COLUMNS[name]})


def test_seeds_depend_on_every_name_and_stay_the_same():
    drawn = {seed_of(1, "a"), seed_of(2, "a"), seed_of(1, "b"), seed_of(1, "a", 1), seed_of(1)}
    assert len(drawn) == 5
    assert all(0 <= seed < 2**63 for seed in drawn)
    # SHA-256 of "1\x1fa" begins with aaa8be88bd4afa32.
    assert seed_of(1, "a") == 0xAAA8BE88BD4AFA32 >> 1
    assert generator(1, "a").random() == generator(1, "a").random()


def test_hdf5_is_byte_identical_and_checked(tmp_path):
    def write(path):
        with create_hdf5(path, "thing", 3) as file:
            write_strings(file, "clip_id", ["a", "-b_1"])
            file.create_dataset("x", data=np.arange(1000.0), chunks=(100,), **CHECKED)

    write(tmp_path / "a.h5")
    write(tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    with open_hdf5(tmp_path / "a.h5", "thing", 3) as file:
        assert read_strings(file, "clip_id") == ["a", "-b_1"]
    with (
        pytest.raises(InputError, match="of schema version 3, not 4"),
        open_hdf5(tmp_path / "a.h5", "thing", 4),
    ):
        pass
    with (
        pytest.raises(InputError, match=r"damaged other .it holds thing"),
        open_hdf5(tmp_path / "a.h5", "other", 3),
    ):
        pass


def test_an_empty_list_of_strings_can_be_stored(tmp_path):
    with create_hdf5(tmp_path / "a.h5", "thing", 1) as file:
        write_strings(file, "clip_id", [])
    with open_hdf5(tmp_path / "a.h5", "thing", 1) as file:
        assert read_strings(file, "clip_id") == []


def test_damaged_hdf5_is_named(tmp_path):
    path = tmp_path / "a.h5"
    with create_hdf5(path, "thing", 1) as file:
        file.create_dataset("x", data=np.zeros(1000), chunks=(1000,), **CHECKED)
        place = file["x"].id.get_chunk_info(0).byte_offset
    whole = path.read_bytes()

    flipped = bytearray(whole)
    flipped[place + 11] ^= 1
    path.write_bytes(flipped)
    with (
        pytest.raises(InputError, match="damaged thing") as raised,
        open_hdf5(path, "thing", 1) as file,
    ):
        file["x"][:]
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)

    for content in (b"", whole[: len(whole) // 2], b"not hdf5 at all"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="damaged thing"), open_hdf5(path, "thing", 1) as file:
            file["x"][:]
    path.unlink()
    with pytest.raises(InputError, match="missing"), open_hdf5(path, "thing", 1):
        pass
    path.mkdir()
    with pytest.raises(InputError, match=str(path)), open_hdf5(path, "thing", 1):
        pass
    assert not h5py.is_hdf5(path)


def test_one_line_has_no_breaks_or_control_characters():
    assert one_line("a\nb\x1b[31m\tc\x07\u202ed\x9b1;2Hd") == "a b c dd"
    assert one_line("\x1b]0;title\x07shown \x1b]8;;http://x\x1b\\link\x1b[K") == "shown link"
    assert one_line("no sequence \x1b") == "no sequence"
    assert len(one_line("x" * 1000, 50)) == 50


def test_an_input_error_ends_a_job_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended, job(str(tmp_path / "logs" / "a.log")):
        raise InputError("clip x:\nbroken")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: clip x: broken\n"
    assert "clip x: broken" in (tmp_path / "logs" / "a.log").read_text()


def test_a_temporary_failure_ends_a_job_with_its_own_exit_code(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended, job(str(tmp_path / "a.log")):
        raise ComeBackLater("the network is down;\nrun again later")
    assert ended.value.code == 75
    said = capsys.readouterr().err
    assert said == "stopped for now: the network is down; run again later\n"
    assert "the network is down" in (tmp_path / "a.log").read_text()


def test_any_other_error_ends_a_job_in_one_line_and_leaves_its_traceback_in_the_log(
    tmp_path, capsys
):
    log = tmp_path / "a.log"
    with pytest.raises(SystemExit) as ended, job(str(log)):
        print(1 / 0)
    assert ended.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ZeroDivisionError: division by zero") and str(log) in line
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "the disk is full; make room"),
        (errno.EDQUOT, "your disk quota is used up; make room"),
        (errno.EACCES, "permission denied; get access to it and its folder"),
    ],
)
def test_a_full_or_forbidden_disk_ends_a_job_in_one_line(tmp_path, capsys, number, says):
    with pytest.raises(SystemExit) as ended, job(str(tmp_path / "a.log")):
        raise OSError(number, os.strerror(number), "units.tsv")
    assert ended.value.code == 1
    line = f"units.tsv: {says}, then run the same command again\n"
    assert capsys.readouterr().err == f"error: {line}"
    assert line in (tmp_path / "a.log").read_text()


def test_a_file_written_whole_names_itself_when_the_disk_is_full(tmp_path):
    path = tmp_path / "table.tsv"
    with pytest.raises(OSError) as caught, replacing(path), open("/dev/full", "wb") as full:
        full.write(b"x" * 10**6)
    assert caught.value.filename == str(path)
    assert not list(tmp_path.iterdir())


def test_the_next_writer_removes_the_file_of_a_killed_one(tmp_path):
    left = tmp_path / ".a[1].tsv.0123abc_"
    others = [
        tmp_path / name for name in (".a[1].tsv.gz.0123abc_", ".b.tsv.0123abc_", "a[1].tsv.x")
    ]
    for path in (left, *others):
        path.write_text("half")
    with replacing(tmp_path / "a[1].tsv") as temporary:
        temporary.write_text("whole")
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "a[1].tsv", *others])


STOPPED = """
import os, signal, sys
from music_detectors.common.files import replacing
from music_detectors.common.job import job
number = int(sys.argv[1])
# The tests may run where signals are ignored: under nohup, or in the background.
signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
with job("job.log"), replacing("a.txt") as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), number)
    signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_stopped_job_leaves_nothing_half_written(tmp_path, number):
    ended = subprocess.run(
        [sys.executable, "-c", STOPPED, str(int(number))],
        env={"PYTHONPATH": str(SCRIPTS)},
        cwd=tmp_path,
        capture_output=True,
    )
    assert ended.returncode == 128 + number
    assert ended.stderr == b""
    assert [path.name for path in tmp_path.iterdir()] == ["job.log"]


def test_a_hang_up_interrupts_snakemake_unless_it_is_ignored(monkeypatch):
    monkeypatch.setenv("WORKFLOW_OWNER", "")
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        orphans.begin()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGHUP)
        # As under nohup.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        orphans.begin()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_progress_yields_everything_and_writes_to_the_log(caplog):
    caplog.set_level(logging.INFO)
    assert list(progress(iter("abc"), 3, "reading")) == ["a", "b", "c"]
    assert "reading: 3 clips" in caplog.text
