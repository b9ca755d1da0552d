"""Whole data sets through Snakemake: downloaded when they are asked for, and then run on."""

import os
import re
import signal
import subprocess
import time

import pyarrow
import pyarrow.parquet
import yaml

from music_detectors.audio.columns import STATUS
from music_detectors.common.tables import read_table
from music_detectors.downloads.mirror import MIRRORS
from reruns.checkouts import checkout
from support.file_server import as_hub, served, store
from support.web_server import Answer, reply, serving, sound
from support.zenodo import archives, as_zenodo, parts_of, path_of, small_fsd50k
from workflow.audioset_files import write_audioset
from workflow.snake import ROOT, command, executed, planned, preset, snakemake, written

PATHS = ["data/bal_train/00.parquet", "data/bal_train/01.parquet", "data/eval/00.parquet"]
LOCAL = preset("audioset-local")
OVER = ["--config", "audio={sources: [archives], archives: [audioset/mirror]}"]
FEW = {"conditions": {"no-speech": None, "no-things": None}, "targets": []}


def parquet(split, numbers):
    """The bytes of a Parquet file with the recordings of these clips of a split."""
    rows = {
        "video_id": [f"-a_{split}{k:04d}" for k in numbers],
        "audio": [{"bytes": sound(2.0, seed=k), "path": f"{k}.wav"} for k in numbers],
    }
    file = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(rows), file)
    return file.getvalue().to_pybytes()


def run(folder, *arguments, root=ROOT):
    ended = snakemake(folder, *arguments, root=root)
    return ended.returncode, ended.stdout + ended.stderr


def test_a_mirror_is_downloaded_and_then_read(tmp_path, monkeypatch):
    write_audioset(tmp_path, audio=False)
    mirror = MIRRORS["parquet"]
    bodies = [
        parquet("train", range(10)),
        parquet("train", range(10, 20)),
        parquet("test", range(20)),
    ]
    table = tmp_path / "audioset/mirror/mirror-downloaded.tsv"
    with serving() as web:
        monkeypatch.setenv("HF_ENDPOINT", web.url)
        as_hub(web, mirror.repository, mirror.revision, dict(zip(PATHS, bodies, strict=True)))
        web.answers[store(bodies[2])] = [
            served(bodies[2], most=100_000),
            reply(status=429, Retry_After="900"),
        ]
        code, said = run(tmp_path, "fetch_mirror")
        assert code == 1 and "stopped for now: http://127.0.0.1" in said
        assert "too many requests; what has come is kept: run the same command again later" in said
        assert not table.exists() and planned(tmp_path, "--", "fetch_mirror")["fetch_mirror"] == 1
        web.answers[store(bodies[2])] = served(bodies[2])
        code, said = run(tmp_path, "fetch_mirror")
        assert code == 0 and executed(said) == ["fetch_mirror"]
        assert re.search(r"^mirror +audioset/mirror/mirror-downloaded\.tsv$", said, re.M)
        assert sum(web.sent[store(body)] for body in bodies) == sum(map(len, bodies))
        web.asked.clear()
        assert run(tmp_path, "fetch_mirror")[0] == 0 and not web.asked
        # Without the table, what is there is checked, and only the list of files is asked for.
        table.unlink()
        assert run(tmp_path, "fetch_mirror")[0] == 0
        assert len(web.asked) == 2 and all("/tree/" in path for path in web.asked)
    for path, body in zip(PATHS, bodies, strict=True):
        assert (tmp_path / "audioset/mirror" / path).read_bytes() == body
    few = written(tmp_path / "few.yaml", FEW)
    shard = "results/audioset/audio/test/00000.status.tsv"
    code, said = run(tmp_path, *LOCAL, few, *OVER, "--", shard)
    assert code == 0, said
    assert "index_archives" in executed(said)
    assert set(read_table(tmp_path / shard, STATUS)["status"]) == {"ok"}


def with_small_fsd50k(folder, content):
    """A checkout whose FSD50K is `content`."""
    root = checkout(folder)
    module = root / "workflow_scripts/music_detectors/downloads/fsd50k.py"
    with open(module, "a", encoding="utf-8") as file:
        file.write(f"\nARCHIVES = {archives(content)!r}\n")
    return root


def test_fsd50k_is_downloaded_killed_gone_on_with_and_then_planned(tmp_path, monkeypatch):
    content = small_fsd50k()
    root = with_small_fsd50k(tmp_path / "checkout", content)
    folder = tmp_path / "study"
    folder.mkdir()
    code, said = run(folder, "--dry-run", *preset("fsd50k"), root=root)
    assert code == 1 and "or download it (docs/fsd50k.md)" in said
    parts = {file: body for found in parts_of(content).values() for file, body in found}
    with serving() as web:
        monkeypatch.setenv("ZENODO_ENDPOINT", web.url)
        as_zenodo(web, content)
        late = "FSD50K.dev_audio.z03"
        web.answers[path_of(late)] = Answer(parts[late], pause=0.2, block=1000)
        killed = subprocess.Popen(
            command(folder, "--cores", 1, "fetch_fsd50k", root=root),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        begun = time.monotonic()
        while web.sent[path_of(late)] < 5000:
            assert killed.poll() is None and time.monotonic() - begun < 120
            time.sleep(0.05)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        before = web.sent.total()
        as_zenodo(web, content)
        assert run(folder, "fetch_fsd50k", "--unlock", root=root)[0] == 0
        code, said = run(folder, "fetch_fsd50k", root=root)
        assert code == 0, said
        assert re.search(r"^FSD50K +fsd50k/fsd50k-downloaded\.tsv$", said, re.M)
        # What was in the killed job's hands came twice at most.
        assert before < web.sent.total() < sum(map(len, parts.values())) + len(parts[late])
        assert web.asked[path_of("FSD50K.dev_audio.z02")] == 1
        web.asked.clear()
        assert run(folder, "fetch_fsd50k", root=root)[0] == 0 and not web.asked
    for files in content.values():
        for path, body in files.items():
            if path.startswith("FSD50K"):
                assert (folder / "fsd50k" / path).read_bytes() == body
    few = written(tmp_path / "few.yaml", FEW)
    jobs = planned(folder, *preset("fsd50k"), few, root=root)
    assert jobs["decode_audio"] == 2 and not {"fetch_audio", "fetch_fsd50k"} & {*jobs}


def test_the_folders_are_those_of_the_configuration(tmp_path):
    other = written(
        tmp_path / "other.yaml",
        {"downloads": {"fsd50k": "far/away", "mirror": {"folder": "elsewhere", "sets": ["eval"]}}},
    )
    said = run(tmp_path, "--dry-run", "fetch_fsd50k", "fetch_mirror", "--configfile", other)[1]
    assert "far/away/fsd50k-downloaded.tsv" in said and "elsewhere/mirror-downloaded.tsv" in said


def test_nothing_is_downloaded_unless_it_is_asked_for(tmp_path):
    jobs = planned(tmp_path, *preset("smoke"))
    assert not {"fetch_fsd50k", "fetch_mirror"} & set(jobs)


def test_the_presets_and_pages_name_the_folders_of_the_downloads():
    default = yaml.safe_load((ROOT / "config.yaml").read_text())["downloads"]
    own = yaml.safe_load((ROOT / "config" / "fsd50k.yaml").read_text())["corpus"]["fsd50k"]
    assert own["folder"] == default["fsd50k"]
    assert default["mirror"]["folder"] in OVER[1] in (ROOT / "docs" / "audioset.md").read_text()
