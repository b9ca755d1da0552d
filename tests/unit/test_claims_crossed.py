"""Intervals and verdicts when both networks and sounds are drawn anew: how often they are right."""

import numpy as np
import pytest
from scipy import stats

from music_detectors.claims.columns import CLAIMS, NOT_SUPPORTED, PRESENT, SUPPORTED, WHOLE
from music_detectors.claims.inference import Mean, Part, claims_table, crossed_mean
from music_detectors.jackknife.assign import blocks_of
from music_detectors.jackknife.blocks import blocks_in
from music_detectors.selectivity.effects import hedges_g, moments

OF_CLIPS, OF_BOTH, OF_NETWORKS = 0.9, 0.35, 0.17
"""Standard deviations of what a clip evokes in all networks, of what it evokes in one, and of the
networks' effects in units of the whole; about as in networks on the embedded corpus."""


def responses(rng, n_networks, n_target, n_other, per_group, icc, effect):
    """Return responses (clips, networks), which clips are of the target, and their groups."""
    n = n_target + n_other
    groups, is_target = np.arange(n) // per_group, np.arange(n) < n_target
    of_groups, of_clips = rng.normal(size=n)[groups], rng.normal(size=n)
    shared = OF_CLIPS * (np.sqrt(icc) * of_groups + np.sqrt(1 - icc) * of_clips)
    heard = shared[:, None] + OF_BOTH * rng.normal(size=(n, n_networks))
    effects = effect + OF_NETWORKS * rng.normal(size=n_networks)
    heard[is_target] += np.hypot(OF_CLIPS, OF_BOTH) * effects
    return heard, is_target, groups


def estimated(rng, heard, is_target, groups):
    """Return Hedges g (networks,), and without each block (blocks, networks)."""
    roles = np.where(is_target, "target", "other")
    blocks = blocks_of(np.char.mod("%d", groups), roles, rng)

    def effect(kept):
        return hedges_g(moments(heard[kept & is_target]), moments(heard[kept & ~is_target]))

    left_out = [effect(blocks != block) for block in blocks_in(blocks)]
    return effect(np.ones(len(heard), dtype=bool)), np.stack(left_out)


@pytest.mark.parametrize("n_networks", [5, 20])
@pytest.mark.parametrize(("per_group", "icc"), [(1, 0.0), (8, 0.5)])
def test_the_crossed_interval_covers_the_effect_for_new_networks_and_sounds(
    n_networks, per_group, icc
):
    rng = np.random.default_rng(10 * n_networks + per_group)
    runs, covered, by_networks = 250, 0, 0
    for _ in range(runs):
        heard = responses(rng, n_networks, 80, 240, per_group, icc, 0.8)
        effects, left_out = estimated(rng, *heard)
        mean = crossed_mean(effects, left_out)
        networks = Mean(mean.value, mean.sources[:1])
        covered += abs(mean.value - 0.8) <= mean.reach(0.025)
        by_networks += abs(mean.value - 0.8) <= networks.reach(0.025)
    # Nominally 95 %; no less than 92 and no more than 98 %, up to the error of as many runs.
    assert stats.binomtest(covered, runs, 0.92, alternative="less").pvalue > 0.01
    assert stats.binomtest(covered, runs, 0.98, alternative="greater").pvalue > 0.01
    # Networks alone say little about other sounds, and less the more there are.
    assert by_networks / runs < (0.85 if n_networks == 5 else 0.6)


def crossed_part(rng, claim, n_networks, n_groups, effect, smallest):
    """Return a part: means over networks and groups of sounds, left out in blocks."""
    shared = 0.5 * rng.normal(size=n_groups)
    heard = effect + shared + 0.2 * rng.normal(size=(n_networks, n_groups))
    heard += 0.1 * rng.normal(size=(n_networks, 1))
    blocks = np.arange(n_groups) % 40
    left_out = {
        int(block): dict(enumerate(heard[:, blocks != block].mean(axis=1)))
        for block in np.unique(blocks)
    }
    values = dict(enumerate(heard.mean(axis=1)))
    return Part(claim, "a", "what", "SD", smallest, values, n_groups, left_out=left_out)


@pytest.mark.parametrize(("n_networks", "n_groups"), [(5, 120), (20, 120), (20, 12)])
@pytest.mark.parametrize(
    ("effect", "smallest", "wrong"),
    [(0.0, 0.1, {SUPPORTED, PRESENT}), (0.5, 0.5, {SUPPORTED}), (0.5, 0.5, {NOT_SUPPORTED})],
)
def test_no_number_of_networks_makes_a_wrong_verdict_likelier_than_alpha_allows(
    n_networks, n_groups, effect, smallest, wrong
):
    """All effects are zero, or of exactly the smallest size; sounds carry most of the error."""
    rng = np.random.default_rng(5)
    runs, found = 120, 0
    for _ in range(runs):
        size = (n_networks, n_groups, effect, smallest)
        parts = [crossed_part(rng, claim, *size) for claim in CLAIMS]
        table = claims_table(parts, alpha=0.2, min_networks=5)
        found += table.loc[table["part"] == WHOLE, "verdict"].isin(wrong).any()
    assert stats.binomtest(found, runs, 0.1, alternative="greater").pvalue > 0.01
    # The bound is not met by saying nothing.
    assert found > 0
