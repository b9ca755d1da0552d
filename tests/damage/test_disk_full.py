"""A full disk while files are written: an OSError, no leftover files, no crash."""

import errno
import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from music_detectors.audio.clips import Clip
from music_detectors.audio.failures import Systemic
from music_detectors.audio.storage import AudioShard, read_audio_shard, write_audio_shard
from music_detectors.audio.web import WebSource
from music_detectors.common import hdf5
from music_detectors.common.files import temporary_place
from music_detectors.common.tables import read_table, write_table
from music_detectors.figures.style import save
from music_detectors.models.weights import read_tensors, write_tensors
from music_detectors.probes.read import read_probe
from music_detectors.probes.settings import probe_sets
from music_detectors.responses.files import create_responses, read_responses
from music_detectors.spectrograms.log_mel import PARAMETERS
from music_detectors.spectrograms.shard import open_spectrogram_shard, write_spectrogram_shard
from support.can_run import needs
from support.probe_sets import files, write_zip
from support.recordings import heard, judge
from support.response_files import LAYERS
from support.web_server import reply, serving, sound
from workflow.snake import preset, snakemake

KB = 1024
DISK_KB = 2048
DRAW = np.random.default_rng(3)
NOISE = DRAW.normal(size=(40, 64, 80)).astype(np.float16)
NAMES = [f"clip-{n}" for n in range(40)]


def audio(path):
    samples = NOISE.view(np.int16).reshape(40, -1)
    lengths = np.full(40, samples.shape[1])
    write_audio_shard(path, AudioShard(samples, lengths, NAMES, 22_050, "x", "1"))
    assert (read_audio_shard(path).samples == samples).all()


def spectrograms(path):
    labels = np.ones((40, 3), bool)
    write_spectrogram_shard(path, NOISE, np.full(40, 80), labels, NAMES, "original", PARAMETERS)
    assert open_spectrogram_shard(path).read().tobytes() == NOISE.tobytes()


def responses(path):
    # In parts, so that the library reads what it has written before.
    n, units = 1500, dict.fromkeys(LAYERS.names, 20)
    values = DRAW.normal(size=(n, 20)).astype(np.float32)
    names = [f"clip-{place}" for place in range(n)]
    with create_responses(path, names, units, LAYERS, "0" * 64, "original") as file:
        for start in range(0, n, 170):
            for layer in LAYERS.names:
                file[layer][start : start + 170] = values[start : start + 170]
            file.flush()
            file.raise_trouble()
    for layer, found in read_responses(path)[1].items():
        assert (found == values).all(), layer


def table(path):
    rows = pd.DataFrame({"x": DRAW.normal(size=20_000)})
    write_table(path, rows, {"x": float})
    assert (read_table(path, {"x": float})["x"] == rows["x"]).all()


def weights(path):
    tensors = {"x": torch.arange(100_000)}
    write_tensors(path, tensors, {})
    assert torch.equal(read_tensors(path)[0]["x"], tensors["x"])


def figure(path):
    drawn = Figure(figsize=(3, 3))
    drawn.subplots().imshow(DRAW.random((150, 150)), interpolation="none")
    save(drawn, path.with_suffix(".svg"), path)


WRITERS = [audio, spectrograms, responses, table, weights, figure]


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory):
    place = tmp_path_factory.mktemp("disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KB}k", "tmpfs", str(place)]
    can = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
    needs(can, "only root can mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def in_a_child(action, path):
    """Run `action` in a forked process; returns how it ended: an errno, 0, or minus a signal."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            action(path)
            code = 0
        except OSError as error:
            named = error.filename in (str(path), str(path.with_suffix(".svg")))
            code = error.errno if named else 98
        finally:
            os._exit(code or 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fill(place, free):
    """Leave `free` bytes on the disk."""
    room = os.statvfs(place)
    size = room.f_bavail * room.f_frsize - free
    with open(place / "filler", "wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, size)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_is_an_ordinary_error(small_disk, writer):
    path = small_disk / "a.png" if writer is figure else small_disk / "file"
    assert in_a_child(writer, path) == 0, "it fits on the empty disk"
    need = sum(file.stat().st_size for file in small_disk.iterdir())
    for file in small_disk.iterdir():
        file.unlink()
    page = os.sysconf("SC_PAGESIZE")
    for share in (0, 0.1, 0.35, 0.6, 0.85):
        fill(small_disk, page + int(share * need) // page * page)
        said = in_a_child(writer, path)
        left = {file.name for file in small_disk.iterdir()}
        assert said == errno.ENOSPC, f"{share} of {need} bytes: {said}"
        # The SVG is complete before the PNG begins, and a checksum may be before its file.
        assert left - {"a.svg", ".a.svg.sha256", ".a.png.sha256", ".file.sha256"} == {"filler"}
        for file in small_disk.iterdir():
            file.unlink()
    assert in_a_child(writer, path) == 0, "there is room again"
    for file in small_disk.iterdir():
        file.unlink()


@pytest.fixture
def full_place(small_disk, monkeypatch):
    """TMPDIR on a full disk, before the module tempfile has chosen a folder."""
    fill(small_disk, 0)
    monkeypatch.setenv("TMPDIR", str(small_disk))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield small_disk
    (small_disk / "filler").unlink()


def test_a_download_without_room_names_the_disk_that_is_full(full_place):
    source = WebSource(judge, {"timeout_seconds": 5, "max_mb": 1})
    with serving() as web:
        web.answers["/one.wav"] = [reply(sound(2.0))]
        clip = Clip("one", "url", f"{web.url}/one.wav", 0.0, None, ("/m/a",))
        with pytest.raises(Systemic, match=f"{full_place}/clip-.*No space left"):
            heard(source, clip)


def test_sounds_of_a_zip_without_room_name_the_disk_that_is_full(full_place, tmp_path):
    path = write_zip(tmp_path / "mine.zip", files())
    settings = {"zip": str(path), "categories": "categories.csv", "target": ["Music", "Song"]}
    probe = probe_sets({"mine": settings}, {"music": "Music"})["mine"]
    paths = [tmp_path / name for name in ("sounds.h5", "sounds.tsv", "references.tsv")]
    with pytest.raises(OSError, match="No space left") as raised:
        read_probe(probe, path, *paths, clip_seconds=2, seed=1, ffmpeg=None)
    assert str(raised.value.filename).startswith(f"{full_place}/probe-")


def test_a_run_says_that_its_temporary_files_go_elsewhere(full_place, tmp_path):
    ended = snakemake(tmp_path, "plan", "--dry-run", *preset("smoke"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"nothing can be written to TMPDIR ({full_place})" in ended.stderr


def test_a_place_for_temporary_files_is_named_where_there_is_none(monkeypatch):
    def none():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", none)
    monkeypatch.delenv("TMPDIR", raising=False)
    assert temporary_place() == "/tmp"


@pytest.mark.parametrize("writer", [audio, spectrograms, responses])
def test_a_disk_that_fails_at_any_write(tmp_path, monkeypatch, writer):
    path = tmp_path / "file"
    calls = []
    real = os.pwrite

    def failing(at):
        def write(file, content, place):
            calls.append(place)
            if len(calls) > at:
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
            return real(file, content, place)

        return write

    monkeypatch.setattr(hdf5.os, "pwrite", failing(10**9))
    writer(path)
    whole, total = path.read_bytes(), len(calls)
    assert total > 5
    for at in {0, 1, 2, total // 2, total - 2, total - 1}:
        calls.clear()
        monkeypatch.setattr(hdf5.os, "pwrite", failing(at))
        with pytest.raises(OSError) as raised:
            writer(path)
        assert raised.value.errno == errno.EDQUOT and raised.value.filename == str(path)
        # The earlier file has not changed.
        assert [file.name for file in tmp_path.iterdir()] == ["file"]
        assert path.read_bytes() == whole


def test_an_interruption_while_the_library_writes_is_not_lost(tmp_path, monkeypatch):
    def interrupted(file, content, place):
        raise KeyboardInterrupt

    monkeypatch.setattr(hdf5.os, "pwrite", interrupted)
    with pytest.raises(KeyboardInterrupt):
        spectrograms(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_long_step_notices_the_full_disk_before_its_end(tmp_path, monkeypatch):
    def full(file, content, place):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(hdf5.os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        with hdf5.create_hdf5(tmp_path / "a", "x", 1) as file:
            file.create_dataset("x", data=np.ones((64, 2**16)), chunks=(1, 2**16), **hdf5.CHECKED)
            file.raise_trouble()
            pytest.fail("nothing was said")


def test_the_same_content_gives_the_same_bytes(tmp_path):
    for writer in (audio, spectrograms):
        for name in ("a", "b"):
            writer(tmp_path / name)
        assert Path(tmp_path / "a").read_bytes() == Path(tmp_path / "b").read_bytes()
