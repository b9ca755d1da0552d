"""A further target, which needs only a line of the configuration."""

import shutil
from collections import Counter

import numpy as np
import pytest

from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.decoding.columns import DECODING
from music_detectors.quilts.columns import QUILT_RESPONSES
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY, UNITS
from workflow.snake import executed, planned, preset, snakemake, written

# Per network, per condition, and once.
JOBS = {
    "selectivity_units": 6,
    "selective_responses": 6,
    "quilt_responses": 3,
    "decode_target": 3,
    "genre_responses": 3,
    "assign_roles": 1,
    "summarise_selectivity": 1,
    "plot_targets": 1,
    "write_report": 1,
}


@pytest.fixture(scope="module")
def run(smoke, tmp_path_factory):
    """A copy of the finished smoke run, continued with `targets`, and the rules that this ran."""
    folder = shutil.copytree(smoke, tmp_path_factory.mktemp("targets") / "copy", symlinks=True)
    before = _tables(folder)
    configuration = written(folder / "targets.yaml", {"targets": ["Animal"]})
    ended = snakemake(folder, *preset("smoke"), configuration)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder, before, Counter(executed(ended.stderr + ended.stdout))


def _tables(folder):
    """The content of every table of the results, by its path."""
    results = folder / "results" / "smoke"
    return {
        path.relative_to(results).as_posix(): path.read_bytes()
        for path in results.rglob("*.tsv")
        if "benchmarks" not in path.parts
    }


def test_a_further_target_runs_its_own_jobs_only(run):
    folder, before, jobs = run
    assert jobs == JOBS
    after = _tables(folder)
    assert {name: after[name] for name in before} == before
    added = {name.split("/")[0] for name in after.keys() - before.keys()}
    assert added == {"corpus", "selectivity", "quilts", "decoding", "genres"}
    assert all("/animal/" in name for name in after.keys() - before.keys())


def test_tables_of_a_further_target_are_about_its_clips(run):
    results = run[0] / "results" / "smoke"
    clips = read_table(results / "corpus/animal/clips.tsv", CLIPS)
    classes = read_table(results / "corpus/animal/classes.tsv", CLASSES)
    animals = set(classes.loc[classes["branch"] == "Animal", "mid"])
    assert animals == set(classes.loc[classes["target"], "mid"])
    inside = [animals.issuperset(labels.split(";")) for labels in clips["labels"]]
    assert list(clips["role"] == "target") == inside
    n_target = sum(clips["split"][inside] == "test")
    units = read_table(results / "selectivity/animal/natural/seed-1/units.tsv", UNITS)
    assert set(units["test_n_target"]) == {n_target}
    first = read_table(results / "selectivity/music/natural/seed-1/units.tsv", UNITS)
    assert not np.array_equal(units["selective"], first["selective"])
    summary = read_table(results / "selectivity/animal/summary.tsv", SELECTIVITY_SUMMARY)
    assert set(summary["n_target_test"]) == {n_target}
    decoding = read_table(results / "decoding/animal/natural.tsv", DECODING)
    assert set(decoding["n_test"]) == {int((clips["split"] == "test").sum()) - n_mixed(clips)}
    quilts = read_table(results / "quilts/animal/natural/responses.tsv", QUILT_RESPONSES)
    assert set(quilts.loc[quilts["role"] == "target", "n_clips"]) == {n_target}


def n_mixed(clips):
    return int(((clips["split"] == "test") & (clips["role"] == "mixed")).sum())


def test_the_report_shows_the_further_target(run):
    page = (run[0] / "results/smoke/report.html").read_text(encoding="utf-8")
    assert 'id="figure-targets"' in page
    assert "Animal" in (run[0] / "results/smoke/figures/targets.svg").read_text()


def test_without_a_further_target_no_job_is_about_one(tmp_path):
    jobs = planned(tmp_path, *preset("smoke"))
    assert not jobs["assign_roles"] and not jobs["plot_targets"]
    assert {name: jobs[name] for name in JOBS if jobs[name]} == {
        name: number
        for name, number in JOBS.items()
        if name not in ("assign_roles", "plot_targets")
    }


def test_embedding_and_lesions_of_a_further_target_can_be_requested(tmp_path):
    configuration = written(tmp_path / "targets.yaml", {"targets": ["Animal"]})
    table = "results/smoke/lesions/animal/natural/fraction-0.5/lesions.tsv"
    jobs = planned(tmp_path, *preset("smoke"), configuration, "--", table)
    assert jobs["lesion_units"] == jobs["assign_roles"] == 1
