"""A further target, which needs only a line of the configuration."""

import shutil
from collections import Counter

import numpy as np
import pytest

from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.quilts.columns import QUILT_RESPONSES
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY, UNITS
from workflow.snake import executed, planned, preset, snakemake, written

# For each network of the condition that the claims are about, and once.
JOBS = {
    "selectivity_units": 2,
    "selective_responses": 2,
    "quilt_responses": 1,
    "profile_probe": 1,
    "assign_roles": 1,
    "summarise_selectivity": 1,
    "plot_targets": 1,
    "plot_quilts_targets": 1,
    # A claim compares the first target with each further one.
    "assess_claims": 1,
    "plot_claims": 1,
    "write_report": 1,
    # The table of all units has those of each target.
    "write_tables": 1,
    "describe_run": 1,
}


@pytest.fixture(scope="module")
def run(smoke, tmp_path_factory):
    """A copy of the finished smoke run, continued with `targets`, and the rules that this ran."""
    folder = shutil.copytree(smoke, tmp_path_factory.mktemp("targets") / "copy", symlinks=True)
    before = _tables(folder)
    configuration = written(folder / "targets.yaml", {"targets": ["Animal", "Vehicle"]})
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
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"claims/claims.tsv", "claims/estimates.tsv"}
    added = {name.split("/")[0] for name in after.keys() - before.keys()}
    assert added == {"corpus", "selectivity", "quilts", "profiles"}
    assert all("/vehicle/" in name for name in after.keys() - before.keys())


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
    assert set(summary["condition"]) == {"natural"}
    quilts = read_table(results / "quilts/animal/natural/responses.tsv", QUILT_RESPONSES)
    assert set(quilts.loc[quilts["role"] == "target", "n_clips"]) == {n_target}


def test_the_report_shows_the_further_target(run):
    page = (run[0] / "results/smoke/report.html").read_text(encoding="utf-8")
    assert 'id="figure-targets"' in page
    assert "Vehicle" in (run[0] / "results/smoke/figures/targets.svg").read_text()


def test_without_a_further_target_no_job_is_about_one(tmp_path):
    configuration = written(tmp_path / "targets.yaml", {"targets": []})
    jobs = planned(tmp_path, *preset("smoke"), configuration)
    assert not jobs["assign_roles"] and not jobs["plot_targets"]
    assert jobs["summarise_selectivity"] == jobs["write_report"] == 1


@pytest.mark.parametrize(
    ("table", "rule"),
    [
        ("lesions/animal/natural/seed-1/lesions.tsv", "lesion_units"),
        ("decoding/animal/untrained/seed-1/decoding.tsv", "decode_target"),
    ],
)
def test_any_analysis_of_a_further_target_can_be_requested(tmp_path, table, rule):
    jobs = planned(tmp_path, *preset("smoke"), "--", f"results/smoke/{table}")
    assert jobs[rule] == jobs["assign_roles"] == 1
