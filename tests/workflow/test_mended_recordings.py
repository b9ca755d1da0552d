"""Recordings that are added, replaced or mended are read again, by the same command."""

import os
import shutil
import tarfile

import numpy as np
import pytest
import soundfile

from music_detectors.audio.columns import STATUS
from music_detectors.common.tables import read_table
from reruns.plans import plan
from workflow.audioset_files import CLASSES, NODES, write_audioset
from workflow.snake import ONE_NETWORK, executed, snakemake, written

GATE = "results/mine/audio/gate.tsv"
SETTINGS = {
    **ONE_NETWORK,
    "stimuli": {"played": ["intact", "quilt-50ms", "quilt-100ms"], "compared_seconds": 1.6},
}
LONG_AGO = 1_500_000_000
EVERY_SHARD = {"train/00000", "train/00001", "test/00000", "test/00001"}


def sound(path, seed, seconds=2.0):
    """Write a recording that is older than all results, as those from an archive are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(0, 0.1, round(seconds * 22050))
    soundfile.write(path, noise, 22050)
    os.utime(path, (LONG_AGO, LONG_AGO))


def run(folder, *options):
    return snakemake(folder, GATE, *options, "--configfile", folder / "mine.yaml")


def to_be_read(folder):
    """The shards that are planned to be read again."""
    jobs = plan(folder, GATE, "--configfile", folder / "mine.yaml")
    found = {job.wildcards.replace("split=", "").replace(", shard=", "/") for job in jobs}
    assert not jobs or {job.rule for job in jobs} >= {"summarise_yield", "check_audio"}
    return {name for name in found if "/" in name}


def statuses(folder):
    return {
        row.clip_id: row.status
        for path in (folder / "results/mine/audio").glob("*/*.status.tsv")
        for row in read_table(path, STATUS).itertuples()
    }


@pytest.fixture
def fsd50k(tmp_path):
    """FSD50K with 40 recordings in shards of ten, and a configuration that names it."""
    write_audioset(tmp_path, audio=False)
    names = {mid: name for mid, name, _ in NODES}
    truth = tmp_path / "fsd50k/FSD50K.ground_truth"
    truth.mkdir(parents=True)
    (truth / "vocabulary.csv").write_text(
        "".join(f"{k},{names[mid]},{mid}\n" for k, mid in enumerate(CLASSES))
    )
    for part, first, ending in (("dev", 0, ",train"), ("eval", 20, "")):
        rows = []
        for k in range(first, first + 20):
            mid = CLASSES[3 if k % 2 else 6]
            rows.append(f"{k},{names[mid]},{mid}{ending}\n")
            sound(tmp_path / f"fsd50k/FSD50K.{part}_audio/{k}.wav", k)
        header = "fname,labels,mids" + (",split" if ending else "")
        (truth / f"{part}.csv").write_text(f"{header}\n" + "".join(rows))
    written(
        tmp_path / "mine.yaml",
        {
            "corpus": {
                "name": "mine",
                "source": "fsd50k",
                "ontology": "audioset/ontology.json",
                "clip_seconds": 2,
                "shard_clips": 10,
                "fsd50k": {"folder": "fsd50k"},
            },
            **SETTINGS,
        },
    )
    return tmp_path


def test_a_part_of_fsd50k_that_is_added_is_read_by_the_same_command(fsd50k):
    dev = fsd50k / "fsd50k/FSD50K.dev_audio"
    dev.rename(fsd50k / "elsewhere")
    stopped = run(fsd50k)
    said = stopped.stdout + stopped.stderr
    assert stopped.returncode != 0 and "0 of 20 clips" in said
    assert "add or replace the recordings" in said
    shutil.move(fsd50k / "elsewhere", dev)
    ended = run(fsd50k)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert executed(ended.stderr).count("decode_audio") == 2
    assert set(statuses(fsd50k).values()) == {"ok"}
    assert to_be_read(fsd50k) == set()

    # A recording that is replaced concerns its shard alone, whatever its time.
    sound(dev / "12.wav", 112, seconds=1.7)
    assert to_be_read(fsd50k) == {"train/00001"}
    # Several, and the new state of the shard is that of its record.
    sound(fsd50k / "fsd50k/FSD50K.eval_audio/39.wav", 139, seconds=1.8)
    ended = run(fsd50k)
    assert ended.returncode == 0 and executed(ended.stderr).count("decode_audio") == 2
    assert to_be_read(fsd50k) == set()
    rows = read_table(fsd50k / "results/mine/audio/train/00001.status.tsv", STATUS)
    assert rows.set_index("clip_id").loc["12", "n_samples"] == round(1.7 * 22050)

    # What was made from recordings that are gone is kept.
    shutil.move(dev, fsd50k / "elsewhere")
    assert to_be_read(fsd50k) == set()
    shutil.move(fsd50k / "elsewhere", dev)
    assert to_be_read(fsd50k) == set()

    # Only the time has changed, and the reader knows it.
    os.utime(dev / "3.wav")
    assert to_be_read(fsd50k) == {"train/00000"}
    touched = run(fsd50k, "--touch")
    assert touched.returncode == 0, touched.stdout + touched.stderr
    assert to_be_read(fsd50k) == set()


def archive(path, files):
    with tarfile.open(path, "w") as file:
        for one in files:
            file.add(one, one.name)
    os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.fixture
def audioset(tmp_path):
    """AudioSet with 40 clips in shards of ten, without audio, and a configuration that names it."""
    write_audioset(tmp_path, audio=False)
    (tmp_path / "mirror").mkdir()
    base = "audioset"
    written(
        tmp_path / "mine.yaml",
        {
            "corpus": {
                "name": "mine",
                "source": "audioset",
                "ontology": f"{base}/ontology.json",
                "clip_seconds": 2,
                "shard_clips": 10,
                "audioset": {
                    "classes": f"{base}/class_labels_indices.csv",
                    "train_segments": f"{base}/balanced_train_segments.csv",
                    "test_segments": f"{base}/eval_segments.csv",
                },
            },
            "audio": {
                "sources": ["folder", "archives"],
                "folder": f"{base}/audio",
                "archives": ["mirror"],
                "max_bad_share": 0.9,
            },
            **SETTINGS,
        },
    )
    return tmp_path


def test_files_and_archives_of_audioset_that_are_added_or_replaced(audioset):
    sounds, mirror = audioset / "sounds", audioset / "mirror"
    for split in ("train", "test"):
        for k in range(20):
            sound(sounds / f"-a_{split}{k:04d}_5.000.wav", k)
    here = audioset / "audioset/audio"
    shutil.copy2(sounds / "-a_train0000_5.000.wav", here)
    # The last two train clips are nowhere.
    archive(mirror / "train.tar", [sounds / f"-a_train{k:04d}_5.000.wav" for k in range(1, 18)])
    archive(mirror / "eval.tar", sorted(sounds.glob("-a_test*")))
    ended = run(audioset)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    missing = [clip for clip, status in statuses(audioset).items() if status != "ok"]
    assert sorted(missing) == ["-a_train0018_5.000", "-a_train0019_5.000"]
    assert to_be_read(audioset) == set()

    # A file, in any folder and with any name that may be the clip's, concerns the clip's shard.
    shutil.copytree(sounds, here / "more", ignore=lambda *_: ["-a_train0019_5.000.wav"])
    assert to_be_read(audioset) == EVERY_SHARD
    shutil.rmtree(here / "more")
    sound(here / "more/Y-a_train0019_5000.flac", 19)
    assert to_be_read(audioset) == {"train/00001"}

    # An archive may concern every shard.
    archive(mirror / "eval.tar", sorted(sounds.glob("-a_test001*")))
    assert to_be_read(audioset) == EVERY_SHARD
    archive(mirror / "more.tar", [sounds / "-a_train0018_5.000.wav"])
    ended = run(audioset)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = statuses(audioset)
    assert found["-a_test0009_5.000"] == "missing" and found["-a_test0010_5.000"] == "ok"
    assert found["-a_train0018_5.000"] == found["-a_train0019_5.000"] == "ok"
    assert to_be_read(audioset) == set()
