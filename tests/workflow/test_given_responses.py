"""Responses that another tool computed stand in for a model, up to the claims and the report."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from music_detectors.claims.columns import VERDICTS
from music_detectors.common.tables import read_table
from music_detectors.responses.files import read_responses
from music_detectors.responses.given import open_given
from music_detectors.spectrograms.shard import open_spectrogram_shard, read_index
from support.given_files import write_given
from workflow.snake import LEFT_OUT, ROOT, planned, preset, snakemake, written

OVERLAY = {
    "corpus": {"name": "given", "embedded": {"clips_per_class": {"train": 2, "test": 2}}},
    "targets": [],
    "networks": {"seeds": 1},
    "conditions": {
        "natural": {"epochs": 1, "snapshots": [0]},
        "shuffled": None,
        "untrained": None,
        **LEFT_OUT,
        "gabor": {"model": "gabor"},
        "pca": {"model": "pca"},
    },
    "claims": {"compared": {"controls": ["gabor", "pca"], "features": ["pca"]}},
}
# The same conditions, whose responses are now read from files.
GIVEN = {
    "gabor": {
        "model": "responses",
        "files": "theirs/{seed}/{stimulus}/{split}.npz",
        "trained_on": "noise",
    },
    "pca": {"model": "responses", "files": "theirs/{stimulus}.{split}.lists.parquet"},
}
RESULTS = "results/given"
COMPARED = [
    f"{RESULTS}/{path.format(condition)}"
    for condition in GIVEN
    for path in (
        "selectivity/music/{}/seed-1/units.tsv",
        "selectivity/music/{}/seed-1/clip_responses.tsv",
        "selectivity/music/{}/seed-1/class_responses.tsv",
        "embedding/music/{}/seed-1/points.tsv",
        "quilts/music/{}/responses.tsv",
        "levels/music/{}.tsv",
        "genres/music/{}.tsv",
        "profiles/music/embedded/{}/sounds.tsv",
    )
]


def arguments(folder):
    return [*preset("smoke"), folder / "overlay.yaml"]


def heard(folder):
    """The stimulus and the split of each file of responses of a network."""
    paths = sorted((folder / RESULTS / "responses/natural/seed-1").glob("*/*.h5"))
    return [(path.parent.name, path.stem) for path in paths if path.parent.name != "snapshots"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of two models, and then one in which their responses come from files."""
    folder = tmp_path_factory.mktemp("given")
    written(folder / "overlay.yaml", OVERLAY)
    ended = snakemake(folder, *COMPARED, *arguments(folder))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for path in COMPARED:
        (folder / "before" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / path, folder / "before" / path)
    for condition, form in (("gabor", "1/{}/{}.npz"), ("pca", "{}.{}.lists.parquet")):
        for path in (folder / RESULTS / "responses" / condition / "seed-1").glob("*/*.h5"):
            clip_ids, responses = read_responses(path)
            turned = {layer: values[::-1] for layer, values in responses.items()}
            given = folder / "later" / form.format(path.parent.name, path.stem)
            write_given(given, clip_ids[::-1], turned)
    written(folder / "overlay.yaml", OVERLAY | {"conditions": {**OVERLAY["conditions"], **GIVEN}})
    ended = snakemake(folder, "responses", *arguments(folder))
    assert ended.returncode != 0
    (folder / "refused.txt").write_text(ended.stdout + ended.stderr)
    ended = snakemake(folder, "stimuli", *arguments(folder))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (folder / "later").rename(folder / "theirs")
    ended = snakemake(folder, *arguments(folder))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


def test_missing_files_are_told_before_anything_is_taken(folder):
    said = (folder / "refused.txt").read_text()
    line = next(line for line in said.splitlines() if "of the 8 files that this run needs" in line)
    assert "conditions.gabor.files" in said or "conditions.pca.files" in said
    assert "intact" in line and "results/given/spectrograms/quilt-50ms/test" in line
    assert "Traceback" not in said


@pytest.mark.parametrize("path", COMPARED)
def test_what_is_computed_from_them_is_the_same(folder, path):
    assert (folder / path).read_bytes() == (folder / "before" / path).read_bytes()


def test_nothing_is_made_that_needs_outputs(folder):
    for stage in ("recognition", "lesions/music"):
        made = [path.name for path in (folder / RESULTS / stage).iterdir() if path.is_dir()]
        assert made == ["natural"]


def test_claims_and_report_name_them(folder):
    table = read_table(folder / RESULTS / "claims/claims.tsv", VERDICTS)
    assert {"effect over gabor", "effect over pca"} <= set(table["part"])
    page = (folder / RESULTS / "report.html").read_text()
    assert "Responses were computed outside this workflow for gabor (trained on noise) and" in page
    assert page.count("computed elsewhere") == 2


def test_a_file_that_is_replaced_is_taken_again_and_others_are_not(folder):
    assert planned(folder, *arguments(folder)) == {}
    quilt = folder / "theirs/1/quilt-50ms/test.npz"
    about = quilt.stat()
    # Older than what was made of it, as a copy that keeps its time may be.
    os.utime(quilt, ns=(about.st_atime_ns, about.st_mtime_ns - 10**12))
    jobs = planned(folder, *arguments(folder))
    assert jobs["import_stimulus_responses"] == 1 and jobs["quilt_responses"] == 1
    assert "import_responses" not in jobs and "selectivity_units" not in jobs
    os.utime(quilt, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert planned(folder, *arguments(folder)) == {}


def test_the_script_of_the_page_computes_what_the_run_needs(folder):
    page = (ROOT / "docs" / "responses.md").read_text()
    script = re.search(r"^```python\n(.*?)^```$", page, re.M | re.S)[1]
    (folder / "theirs.py").write_text(script)
    arguments = ["theirs.py", "results/given/spectrograms", "computed"]
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True)
    assert heard(folder)
    for stimulus, split in heard(folder):
        place = folder / "results/given/spectrograms" / stimulus / split
        index = read_index(place / "index.tsv")
        with open_given(folder / "computed" / stimulus / f"{split}.npz") as given:
            assert set(given.clip_ids) == set(index["clip_id"])
            assert given.units == {"level": 64, "change": 64}
            level = dict(zip(given.clip_ids, given.responses("level"), strict=True))
        clip = index.iloc[-1]
        shard = open_spectrogram_shard(place / f"{clip['shard']}.h5")
        sound = shard.read([clip["row"]])[0, :, : clip["n_frames"]].astype(np.float32)
        np.testing.assert_allclose(level[clip["clip_id"]], sound.mean(1), rtol=1e-5)


def test_other_files_are_taken(folder):
    other = written(
        folder / "other.yaml", {"conditions": {"gabor": {"files": "other/{stimulus}.{split}.npz"}}}
    )
    jobs = planned(folder, *arguments(folder), other)
    assert jobs["import_responses"] == 1 and jobs["import_stimulus_responses"] == 1
    assert not {"train_network", "compute_responses", "lesion_units"} & set(jobs)


def test_a_clip_that_a_file_lacks_ends_in_one_line(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy", symlinks=True)
    path = tmp_path / "copy/theirs/original.test.lists.parquet"
    write_given(path, ["nobody"], {"components": np.ones((1, 2))})
    ended = snakemake(tmp_path / "copy", *arguments(tmp_path / "copy"))
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0 and "Traceback" not in said
    assert "theirs/original.test.lists.parquet: has the layers components (2), but the" in said
