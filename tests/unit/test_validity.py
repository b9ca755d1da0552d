"""The quick form of benchmarks/bench_validity.py: how often intervals and verdicts are wrong."""

import pytest
from bench_validity import groups_of, study
from scipy import stats
from validity import Sounds, coverage, g_of, verdicts, verdicts_by_draws, wrong

CLUSTERED = Sounds(groups_of_class=8, shared_by_class=0.3)
"""Ten classes of eight recordings for the target, thirty for others."""


@pytest.mark.parametrize("networks", [5, 20])
def test_where_clips_cluster_by_class_classes_must_be_the_draws(networks):
    runs = 250
    found = coverage(g_of, CLUSTERED, networks, effect=0.8, runs=runs, seed=networks)
    covered = round(runs * found["classes"])
    assert stats.binomtest(covered, runs, 0.92, alternative="less").pvalue > 0.01
    assert found["networks"] < found["groups"] < 0.9


def test_verdicts_about_other_classes_are_wrong_where_recordings_are_the_draws():
    runs, rates = 50, {}
    for draws in ("groups", "classes"):
        # Every claim has exactly its smallest effect.
        found = verdicts_by_draws(CLUSTERED, 10, draws, effect=0.8, alpha=0.2, runs=runs, seed=1)
        rates[draws] = wrong(found, "smallest")
    for rate in rates["classes"].values():
        assert stats.binomtest(round(runs * rate), runs, 0.1, alternative="greater").pvalue > 0.01
    assert max(rates["groups"].values()) > 0.3


@pytest.mark.parametrize("which", ["none", "smallest"])
def test_wrong_verdicts_on_all_planned_parts_are_as_rare_as_configured(which):
    parts, runs = study()[1], 25
    found = verdicts(parts, which, 5, groups_of(parts, 60), alpha=0.2, runs=runs, seed=1)
    for rate in wrong(found, which).values():
        assert stats.binomtest(round(runs * rate), runs, 0.1, alternative="greater").pvalue > 0.01
