"""The quick form of benchmarks/bench_validity.py: how often intervals and verdicts are wrong."""

import dataclasses

import numpy as np
import pytest
from bench_validity import groups_of, study
from scipy import stats
from validity import Sounds, coverage, g_of, verdicts, verdicts_by_draws, wrong
from validity_classes import judged, shares

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


def test_units_that_prefer_any_classes_do_not_make_a_claim_about_the_target():
    found = {
        in_common: [
            judged(
                dataclasses.replace(study()[0], controls=[]),
                5,
                in_common,
                alpha=0.05,
                rng=np.random.default_rng(seed),
            )
            for seed in range(12)
        ]
        for in_common in (0.0, 1.0)
    }
    # They have an effect on their own classes, but not on others, and sets drawn by lot are seldom
    # among the best.
    own, held = np.transpose([run[:2] for run in found[0.0]])
    assert own.mean() > 5 * own.std(ddof=1) / np.sqrt(12)
    assert abs(held.mean()) < 3 * held.std(ddof=1) / np.sqrt(12)
    best = sum(run.among_best for run in found[0.0])
    assert stats.binomtest(best, 12, 0.05, alternative="greater").pvalue > 0.01
    for part in ("held-out classes", "over random classes"):
        assert shares(found[1.0], part)[0] > 0.5
    assert shares(found[0.0], "held-out classes")[1] == 0
    assert shares(found[0.0], "over random classes")[0] == best / 12


@pytest.mark.parametrize("which", ["none", "smallest"])
def test_wrong_verdicts_on_all_planned_parts_are_as_rare_as_configured(which):
    parts, runs = study()[1], 25
    found = verdicts(parts, which, 5, groups_of(parts, 60), alpha=0.2, runs=runs, seed=1)
    for rate in wrong(found, which).values():
        assert stats.binomtest(round(runs * rate), runs, 0.1, alternative="greater").pvalue > 0.01
