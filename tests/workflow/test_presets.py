"""The presets for published corpora: what each plans, with only the files that it names."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workflow.audioset_files import NODES, write_audioset
from workflow.snake import ROOT, planned, preset, snakemake, written


def one_target(folder):
    """Write a preset without the further targets, whose classes the test's files lack."""
    return written(folder / "one_target.yaml", {"targets": []})


def test_audioset_is_planned_before_anything_is_downloaded(tmp_path):
    jobs = planned(tmp_path, *preset("audioset"))
    # Shards of 256 of 22,160 and 20,371 clips.
    assert jobs["fetch_audio"] == jobs["decode_audio"] == 87 + 80
    assert jobs["fetch_metadata"] == jobs["summarise_yield"] == jobs["check_audio"] == 1
    assert jobs["plot_yields"] == 1 and jobs["train_network"] == 6 * 10
    assert jobs["index_archives"] == 0


@pytest.mark.parametrize(
    ("name", "told"), [("smoke", r"about ([\d,]+) jobs"), ("audioset", r"some ([\d,]+) jobs")]
)
def test_the_numbers_of_jobs_on_a_cluster_are_those_of_the_docs(tmp_path, name, told):
    on_cluster = ["--workflow-profile", ROOT / "profiles" / "slurm"]
    jobs = sum(planned(tmp_path, *preset(name), *on_cluster).values())
    said = re.search(told, (ROOT / "docs" / "cluster.md").read_text())[1]
    # Two digits are told.
    assert jobs == pytest.approx(int(said.replace(",", "")), rel=0.05)


def test_a_mirror_goes_before_youtube(tmp_path):
    (tmp_path / "mirror").mkdir()
    for name in ("bal_train00", "eval00"):
        (tmp_path / "mirror" / f"{name}.tar").touch()
    mirror = {"audio": {"sources": ["archives", "youtube"], "archives": ["mirror"]}}
    jobs = planned(tmp_path, *preset("audioset"), written(tmp_path / "mirror.yaml", mirror))
    assert jobs["index_archives"] == 1 and jobs["fetch_audio"] == jobs["decode_audio"] == 167


def test_audioset_from_a_folder_needs_no_network(tmp_path):
    write_audioset(tmp_path, clips_per_split=600, audio=False)
    jobs = planned(tmp_path, *preset("audioset-local"), one_target(tmp_path))
    assert jobs["decode_audio"] == 4 and jobs["fetch_metadata"] == 1
    assert jobs["fetch_audio"] == 0


def test_residual_networks_are_trained_beside_the_studys(tmp_path):
    jobs = planned(tmp_path, *preset("resnet"))
    assert jobs["train_network"] == 2 * 3 * 5 and jobs["fit_model"] == 2
    # No network is run again for its lesions.
    assert jobs["lesion_units"] == 2 * 3 * 5 and jobs["lesion_units_by_running"] == 0


def in_make(folder, *words):
    """Run the target `demo` in a checkout-like `folder`, without its set-up."""
    return subprocess.run(
        ["make", "--old-file", "setup", "--makefile", ROOT / "Makefile", "demo", *words],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_a_demo_without_sounds_says_in_a_line_how_to_get_some(tmp_path):
    for words in ([], ["SOUNDS=nowhere", "MUSIC=."], ["SOUNDS=."]):
        ended = in_make(tmp_path, *words)
        assert ended.returncode != 0
        (line,) = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
        assert "github.com/karolpiczak/ESC-50" in line and "MUSIC=FOLDER" in line


def test_a_demo_lists_both_folders_and_runs_its_preset(tmp_path):
    for name in ("config", "workflow_scripts"):
        (tmp_path / name).symlink_to(ROOT / name)
    for folder, tracks in (("sounds/dog", 6), ("sounds/rain", 6), ("my music", 4)):
        (tmp_path / folder).mkdir(parents=True)
        for track in range(tracks):
            samples = np.random.default_rng(track).normal(0, 0.1, 22050 * 12)
            soundfile.write(tmp_path / folder / f"{track}.wav", samples, 22050)
    # In place of Snakemake's own: what it is asked for.
    stand_in = tmp_path / "snakemake"
    stand_in.write_text('#!/bin/sh\necho asked "$@"\n')
    stand_in.chmod(0o755)
    programs = [f"BIN={Path(sys.executable).parent}", f"SNAKEMAKE={stand_in}"]
    # The second time, the table is there already.
    for _ in range(2):
        ended = in_make(tmp_path, "SOUNDS=sounds", "MUSIC=my music", "CORES=3", *programs)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "asked --cores 3 --configfile config/demo.yaml" in ended.stdout
    ended = snakemake(tmp_path, "--dry-run", *preset("demo"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "7 training" in ended.stdout and "nothing is downloaded" in ended.stdout


def write_fsd50k(folder, clips=600):
    """FSD50K's ground truth, of made-up clips without sound, in `folder`/fsd50k."""
    truth = folder / "fsd50k" / "FSD50K.ground_truth"
    truth.mkdir(parents=True)
    for name in ("FSD50K.dev_audio", "FSD50K.eval_audio"):
        (folder / "fsd50k" / name).mkdir()
    known = [(mid, name.replace(" ", "_")) for mid, name, _ in NODES]
    (truth / "vocabulary.csv").write_text(
        "".join(f"{k},{name},{mid}\n" for k, (mid, name) in enumerate(known))
    )
    two = [known[0], known[-1]]
    rows = [f"{1000 + k},{two[k % 2][1]},{two[k % 2][0]}" for k in range(2 * clips)]
    (truth / "dev.csv").write_text(
        "fname,labels,mids,split\n" + "".join(f"{row},train\n" for row in rows[:clips])
    )
    (truth / "eval.csv").write_text(
        "fname,labels,mids\n" + "".join(f"{row}\n" for row in rows[clips:])
    )


def test_fsd50k_is_planned_from_its_ground_truth(tmp_path):
    write_fsd50k(tmp_path)
    jobs = planned(tmp_path, *preset("fsd50k"), one_target(tmp_path))
    assert jobs["decode_audio"] == 4 and jobs["fetch_metadata"] == jobs["make_corpus"] == 1
    assert jobs["train_network"] == 6 * 10


def test_fsd50k_with_the_ontology_on_disk_downloads_nothing(tmp_path):
    write_fsd50k(tmp_path)
    nodes = [{"id": i, "name": n, "child_ids": c} for i, n, c in NODES]
    (tmp_path / "ontology.json").write_text(json.dumps(nodes))
    local = written(
        tmp_path / "local.yaml", {"corpus": {"ontology": "ontology.json"}, "targets": []}
    )
    clips = "results/fsd50k/corpus/clips.tsv"
    ended = snakemake(tmp_path, *preset("fsd50k"), local, "--", clips)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (tmp_path / clips).read_text().count("\n") == 1201


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("fsd50k", "corpus.fsd50k.folder is 'fsd50k'"),
        ("audioset-local", "corpus.audioset.classes is 'audioset/class_labels_indices.csv'"),
    ],
)
def test_a_missing_requirement_of_a_preset_is_reported_in_one_line(tmp_path, name, says):
    ended = snakemake(tmp_path, "--dry-run", *preset(name))
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0 and "Traceback" not in said
    assert sum(says in line for line in said.splitlines()) == 1, said


def test_too_few_clips_prevent_training_and_the_yield_is_shown(tmp_path):
    few = {
        "corpus": {"clip_seconds": 2, "embedded": {"clips_per_class": {"train": 1, "test": 1}}},
        "audio": {"min_clips": {"train": 60}},
        "stimuli": {"played": ["intact", "quilt-50ms", "quilt-100ms"], "compared_seconds": 1.6},
    }
    arguments = [*preset("smoke"), written(tmp_path / "few.yaml", few)]
    ended = snakemake(
        tmp_path, *arguments, "--", "networks", "results/smoke/figures/yields.png", cores=1
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0 and "Traceback" not in said
    assert "clips of train (100.0%) are usable, and audio.min_clips.train asks for 60" in said
    results = tmp_path / "results" / "smoke"
    assert not (results / "networks").exists() and not (results / "audio/gate.tsv").exists()
    for name in ("audio/yield.tsv", "audio/yield_splits.tsv", "figures/yields.png"):
        assert (results / name).exists(), name
