"""FSD50K from a server with the files of a small one, in split archives."""

import os
import shutil
import stat
import subprocess
import time
from collections import namedtuple

import pytest

from music_detectors.common.errors import ComeBackLater, InputError
from music_detectors.downloads import fsd50k, large
from music_detectors.downloads.fsd50k import ARCHIVES, fetch_fsd50k
from support.can_run import needs
from support.file_server import served
from support.web_server import reply, serving
from support.zenodo import archives, as_zenodo, parts_of, path_of, small_fsd50k

CONTENT = small_fsd50k()
FILES = {
    path: body
    for files in CONTENT.values()
    for path, body in files.items()
    if path.startswith("FSD50K")
}
PARTS = {file: body for parts in parts_of(CONTENT).values() for file, body in parts}
EVAL = [file for file in PARTS if "eval_audio" in file]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(large, "_SPARE", 0)
    monkeypatch.setattr(fsd50k, "ARCHIVES", archives(CONTENT))


@pytest.fixture
def web(monkeypatch):
    with serving() as server:
        monkeypatch.setenv("ZENODO_ENDPOINT", f"{server.url}/")
        as_zenodo(server, CONTENT)
        yield server


def fetch(folder):
    table = folder / "fsd50k-downloaded.tsv"
    fetch_fsd50k(str(folder), table)
    return [line.split("\t") for line in table.read_text().splitlines()]


def there(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.glob("FSD50K.*/*")
        if path.is_file()
    }


def kept(folder):
    """What remains beside the unpacked files: only the lists of them."""
    return {path.name for path in (folder / ".download").iterdir()}


LISTS = {f"{name}.json" for name in CONTENT}


def test_the_published_files_are_known():
    parts = [part for _, parts in ARCHIVES.values() for part in parts]
    assert len(parts) == 11 and all(len(digest) == 32 for _, _, digest in parts)
    # What Zenodo shows of the record: 24.7 GB.
    assert round(sum(size for _, size, _ in parts) / 1e9, 1) == 24.7


def test_it_is_unpacked_read_only_and_its_archives_are_removed(web, tmp_path):
    assert len(PARTS) > 8
    note, head, *rows = fetch(tmp_path)
    assert note == ["# FSD50K 1.0, https://zenodo.org/records/4060432"]
    assert head == ["file", "bytes", "md5", "address"]
    assert {row[0]: int(row[1]) for row in rows} == {
        file: len(body) for file, body in PARTS.items()
    }
    assert all(row[3] == f"{web.url}{path_of(row[0])}" for row in rows)
    assert there(tmp_path) == FILES and kept(tmp_path) == LISTS
    for path in FILES:
        assert stat.S_IMODE(os.stat(tmp_path / path).st_mode) == 0o444
    assert set(web.queries[path_of(EVAL[0])]) == {"download=1"}


def test_a_second_time_asks_for_nothing_unless_a_file_is_gone_or_changed(web, tmp_path):
    fetch(tmp_path)
    web.asked.clear()
    fetch(tmp_path)
    assert not web.asked
    gone, changed = [path for path in FILES if "eval_audio" in path][:2]
    (tmp_path / gone).unlink()
    content = bytearray(FILES[changed])
    content[5000] ^= 1
    os.chmod(tmp_path / changed, 0o644)
    (tmp_path / changed).write_bytes(content)
    fetch(tmp_path)
    assert set(web.asked) == {path_of(file) for file in EVAL}
    assert there(tmp_path) == FILES and kept(tmp_path) == LISTS


def test_it_goes_on_after_an_outage(web, tmp_path):
    late = EVAL[-1]
    web.answers[path_of(late)] = [served(PARTS[late], most=9000), reply(status=503)]
    with pytest.raises(ComeBackLater, match=f"{late}: the server answers with status 503; what"):
        fetch(tmp_path)
    assert not (tmp_path / "fsd50k-downloaded.tsv").exists()
    assert not (tmp_path / "FSD50K.eval_audio").exists()
    web.answers[path_of(late)] = served(PARTS[late])
    fetch(tmp_path)
    assert there(tmp_path) == FILES and kept(tmp_path) == LISTS
    # No byte came twice.
    assert sum(web.sent.values()) == sum(map(len, PARTS.values()))


def test_a_wrong_checksum_is_refused(web, tmp_path):
    file = "FSD50K.ground_truth.zip"
    web.answers[path_of(file)] = served(bytes(len(PARTS[file])))
    with pytest.raises(ComeBackLater, match=f"{file}: came twice with another checksum than the"):
        fetch(tmp_path)
    assert not there(tmp_path)


def test_unpacking_goes_on_where_a_killed_job_left(web, tmp_path, monkeypatch):
    written = fsd50k.os.replace
    n_written = 0

    def killed(source, target):
        nonlocal n_written
        n_written += "FSD50K.dev_audio/" in str(target)
        if n_written == 4:
            raise KeyboardInterrupt
        written(source, target)

    monkeypatch.setattr(fsd50k.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path)
    monkeypatch.setattr(fsd50k.os, "replace", written)
    before = {path: os.stat(path).st_ino for path in tmp_path.glob("FSD50K.dev_audio/*")}
    assert len(before) == 3
    web.asked.clear()
    fetch(tmp_path)
    assert there(tmp_path) == FILES and kept(tmp_path) == LISTS
    assert {path: os.stat(path).st_ino for path in before} == before
    assert set(web.asked) == {path_of(file) for file in EVAL}


def test_what_was_unpacked_by_hand_is_left_as_it_is(web, tmp_path):
    for path, body in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(body)
    before = {path: os.stat(tmp_path / path).st_ino for path in FILES}
    fetch(tmp_path)
    assert {path: os.stat(tmp_path / path).st_ino for path in FILES} == before


@pytest.mark.parametrize(
    "name", ["FSD50K.doc/../../x", "FSD50K.doc/..\\x", "FSD50K.doc/a\nb", "FSD50K.doc/../x"]
)
def test_names_that_lead_elsewhere_are_refused(web, tmp_path, monkeypatch, name):
    content = {**CONTENT, "FSD50K.doc": {name: b"x"}}
    monkeypatch.setattr(fsd50k, "ARCHIVES", archives(content))
    as_zenodo(web, content)
    folder = tmp_path / "in" / "folder"
    with pytest.raises(InputError, match=r"FSD50K\.doc\.zip: holds .*, which is refused"):
        fetch(folder)
    assert not list(tmp_path.rglob("x"))


def test_an_archive_without_its_folder_is_refused(web, tmp_path, monkeypatch):
    content = {**CONTENT, "FSD50K.doc": {"other/a": b"x"}}
    monkeypatch.setattr(fsd50k, "ARCHIVES", archives(content))
    as_zenodo(web, content)
    with pytest.raises(InputError, match=r"FSD50K\.doc\.zip: has no folder FSD50K\.doc"):
        fetch(tmp_path)


def test_room_is_needed_for_an_archive_and_its_sounds_at_a_time(web, tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    sizes = {name: sum(map(len, files.values())) for name, files in CONTENT.items()}
    packed = {
        name: sum(size for _, size, _ in parts) for name, (_, parts) in archives(CONTENT).items()
    }
    small = sum(sizes[name] for name in ("FSD50K.ground_truth", "FSD50K.metadata", "FSD50K.doc"))
    dev, audio = "FSD50K.dev_audio", sizes["FSD50K.dev_audio"] + sizes["FSD50K.eval_audio"]
    most = small + max(sizes[dev] + packed[dev], audio + packed["FSD50K.eval_audio"])
    monkeypatch.setattr(large.shutil, "disk_usage", lambda path: usage(most - 1))
    with pytest.raises(InputError, match=r"name a folder on another disk in downloads\.fsd50k"):
        fetch(tmp_path)
    assert not web.asked
    monkeypatch.setattr(large.shutil, "disk_usage", lambda path: usage(most))
    fetch(tmp_path)
    assert there(tmp_path) == FILES


def test_room_counts_what_is_there_already(web, tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    web.answers[path_of(EVAL[-1])] = reply(status=404)
    with pytest.raises(InputError, match="status 404"):
        fetch(tmp_path)
    web.answers[path_of(EVAL[-1])] = served(PARTS[EVAL[-1]])
    left = len(PARTS[EVAL[-1]]) + sum(map(len, CONTENT["FSD50K.eval_audio"].values()))
    monkeypatch.setattr(large.shutil, "disk_usage", lambda path: usage(left))
    fetch(tmp_path)
    assert there(tmp_path) == FILES


def test_a_disk_that_fills_up_ends_the_job_for_now_and_it_goes_on(web, tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(disk)]
    allowed = shutil.which("mount") and subprocess.run(mount, capture_output=True).returncode == 0
    needs(allowed, "a small disk is mounted by root alone, and not in every container")
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(large.shutil, "disk_usage", lambda path: usage(10**12))
    try:
        ends = 0
        for size in range(60, 2000, 30):
            subprocess.run(["mount", "-o", f"remount,size={size}k", str(disk)], check=True)
            try:
                fetch(disk)
            except ComeBackLater as error:
                assert "the disk is full; make room, then run the same command again" in str(error)
                ends += 1
            except OSError as error:
                # Of lists and folders; `job` says the same of them.
                assert error.errno == 28
                ends += 1
            else:
                break
        assert ends > 2 and there(disk) == FILES and kept(disk) == LISTS
        assert sum(web.sent.values()) < 1.5 * sum(map(len, PARTS.values()))
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
