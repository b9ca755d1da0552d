"""Profiles over probe sets, from planted responses, against SciPy, and from wrong inputs."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from music_detectors.common.errors import InputError
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table, write_table
from music_detectors.jackknife.blocks import of_sounds
from music_detectors.probes.columns import REFERENCES, SOUNDS
from music_detectors.profiles.columns import (
    ALL,
    CATEGORIES_LEFT_OUT,
    COMPONENT_MEANS,
    COMPONENTS_LEFT_OUT,
    PROFILE_CATEGORIES,
    PROFILE_COMPONENTS,
    PROFILE_CONTRASTS,
    PROFILE_RATIOS,
    PROFILE_SOUNDS,
    RATIOS_LEFT_OUT,
)
from music_detectors.profiles.correlations import (
    Correlations,
    crossed_interval,
    pearson,
    spearman,
)
from music_detectors.profiles.profile import compared, holm, profile_probe, ratios_of
from music_detectors.selectivity.columns import UNITS
from support.response_files import write_responses

CATEGORIES = {"Music": 6, "Song": 4, "Speech": 5, "Nature": 3, "Things": 7}
TARGET = ["Music", "Song"]
SEEDS = [1, 3, 4]
N_UNITS, N_SELECTIVE = 16, 4
COLUMNS = {
    "sounds": PROFILE_SOUNDS,
    "categories": PROFILE_CATEGORIES,
    "contrasts": PROFILE_CONTRASTS,
    "ratios": PROFILE_RATIOS,
    "components": PROFILE_COMPONENTS,
    "component_means": COMPONENT_MEANS,
    "left_out_ratios": RATIOS_LEFT_OUT,
    "left_out_categories": CATEGORIES_LEFT_OUT,
    "left_out_components": COMPONENTS_LEFT_OUT,
}


class Probe:
    """Responses of three networks to a probe set, with two reference profiles."""

    def __init__(self, folder):
        self.folder = folder
        random = np.random.default_rng(2)
        category = np.repeat(list(CATEGORIES), list(CATEGORIES.values()))
        self.table = pd.DataFrame({name: 0 for name in SOUNDS}, index=range(len(category)))
        self.table["sound"] = [f"sound-{k}" for k in random.permutation(len(category))]
        self.table["category"], self.table["cut"] = category, False
        self.is_target = np.isin(category, TARGET)
        self.reference = random.standard_normal((len(category), 2))
        self.responses = {
            seed: random.gamma(2, 0.3, (len(category), N_UNITS)).astype(np.float32)
            + np.where(self.is_target, 0.4, 0)[:, None].astype(np.float32)
            for seed in SEEDS
        }
        self.selective = {seed: random.permutation(N_UNITS)[:N_SELECTIVE] for seed in SEEDS}
        self.sounds_of_responses = self.table["sound"].tolist()

    def profiles(self):
        """The mean responses (networks, sounds) of the selective units, computed here."""
        return np.stack(
            [
                self.responses[seed][:, self.selective[seed]].mean(axis=1, dtype=float)
                for seed in SEEDS
            ]
        )

    def run(self, *, target=TARGET, references=True):
        write_table(self.folder / "sounds.tsv", self.table, SOUNDS)
        long = pd.DataFrame(
            {
                "sound": np.repeat(self.table["sound"].to_numpy(), 2),
                "component": np.tile(["pitch", "music"], len(self.table)),
                "response": self.reference.ravel(),
            }
        )
        # The order of the rows does not matter.
        long = long.sample(frac=1, random_state=0) if references else long[:0]
        write_table(self.folder / "references.tsv", long, REFERENCES)
        for seed in SEEDS:
            write_responses(
                self.folder / f"{seed}.h5",
                self.sounds_of_responses,
                {"avgpool": self.responses[seed]},
            )
            units = pd.DataFrame({name: 0 for name in UNITS}, index=range(2 * N_UNITS))
            units["layer"] = np.repeat(["conv3", "avgpool"], N_UNITS)
            units["reported"] = units["layer"] == "avgpool"
            units["unit"] = np.tile(np.arange(N_UNITS), 2)
            chosen = units["unit"].isin(self.selective[seed])
            # The other layer has other selective units, which must not count.
            units["selective"] = chosen == (units["layer"] == "avgpool")
            write_table(self.folder / f"units-{seed}.tsv", units, UNITS)
        outputs = {name: self.folder / f"out-{name}.tsv" for name in COLUMNS}
        profile_probe(
            [self.folder / f"{seed}.h5" for seed in SEEDS],
            [self.folder / f"units-{seed}.tsv" for seed in SEEDS],
            self.folder / "sounds.tsv",
            self.folder / "references.tsv",
            outputs,
            target=target,
            seeds=SEEDS,
            layer="avgpool",
            seed=5,
            bootstraps=400,
            probe="mine",
        )
        return {name: read_table(path, COLUMNS[name]) for name, path in outputs.items()}


@pytest.fixture
def probe(tmp_path):
    return Probe(tmp_path)


def test_the_response_to_each_sound_is_that_of_the_selective_units(probe):
    table = probe.run()["sounds"]
    assert table["seed"].tolist() == np.repeat(SEEDS, len(probe.table)).tolist()
    assert table["sound"].tolist() == probe.table["sound"].tolist() * len(SEEDS)
    np.testing.assert_array_equal(table["target"], np.tile(probe.is_target, len(SEEDS)))
    np.testing.assert_allclose(table["response"], probe.profiles().ravel(), rtol=1e-12)


def test_categories_and_ratios_are_means_over_sounds(probe):
    tables = probe.run()
    rows = tables["categories"].set_index(["seed", "category"])
    assert rows.index.get_level_values(1).tolist() == list(CATEGORIES) * len(SEEDS)
    for seed, profile in zip(SEEDS, probe.profiles(), strict=True):
        for category, n in CATEGORIES.items():
            own = profile[(probe.table["category"] == category).to_numpy()]
            row = rows.loc[(seed, category)]
            assert (row["n_sounds"], row["target"]) == (n, category in TARGET)
            found = row[["response", "response_sd"]].to_numpy(dtype=float)
            np.testing.assert_allclose(found, [own.mean(), own.std(ddof=1)], rtol=1e-9)
    ratios = tables["ratios"]
    target, other = probe.profiles()[:, probe.is_target], probe.profiles()[:, ~probe.is_target]
    np.testing.assert_allclose(ratios["ratio"], target.mean(axis=1) / other.mean(axis=1), rtol=1e-9)
    # Cohen's d with Hedges' usual approximation of the correction, good to 0.1 % here.
    n, m = target.shape[1], other.shape[1]
    pooled = ((n - 1) * target.var(axis=1, ddof=1) + (m - 1) * other.var(axis=1, ddof=1)) / (
        n + m - 2
    )
    d = (target.mean(axis=1) - other.mean(axis=1)) / np.sqrt(pooled)
    np.testing.assert_allclose(ratios["hedges_g"], d * (1 - 3 / (4 * (n + m) - 9)), rtol=2e-3)


def test_without_a_block_tables_are_those_of_the_sounds_that_remain(probe):
    tables = probe.run()
    category = probe.table["category"]
    blocks = of_sounds(category.tolist(), probe.is_target, generator(5, "blocks", "mine"))
    assert set(blocks) == set(range(10))
    assert set(tables["left_out_ratios"]["block"]) == set(range(10))
    found = {
        name: tables[f"left_out_{name}"].set_index("block") for name in ("ratios", "components")
    }
    of_categories = tables["left_out_categories"].set_index(["block", "seed", "category"])
    n_rows = 0
    for block in range(10):
        kept = blocks != block
        left, target = probe.profiles()[:, kept], probe.is_target[kept]
        ratios = found["ratios"].loc[block]
        assert ratios["seed"].tolist() == SEEDS
        assert set(ratios["n_target"]) == {target.sum()}
        assert set(ratios["n_other"]) == {(~target).sum()}
        expected = left[:, target].mean(axis=1) / left[:, ~target].mean(axis=1)
        np.testing.assert_allclose(ratios["ratio"], expected, rtol=1e-9)
        components = found["components"].loc[block]
        expected = [
            stats.pearsonr(profile, component).statistic
            for profile in left
            for component in probe.reference[kept].T
        ]
        np.testing.assert_allclose(components["pearson"], expected, rtol=1e-9)
        assert components["component"].tolist() == ["pitch", "music"] * len(SEEDS)
        assert set(components["n_sounds"]) == {kept.sum()}
        for seed, profile in zip(SEEDS, left, strict=True):
            for name in set(category[kept]):
                own = profile[(category[kept] == name).to_numpy()]
                row = of_categories.loc[(block, seed, name)]
                assert (row["n_sounds"], row["target"]) == (len(own), name in TARGET)
                assert row["response"] == pytest.approx(own.mean(), rel=1e-9)
                n_rows += 1
    assert n_rows == len(of_categories)


def test_contrasts_are_paired_over_networks_and_welch_over_sounds(probe):
    table = probe.run()["contrasts"].set_index(["category", "other"])
    others = [name for name in CATEGORIES if name not in TARGET]
    expected = [(name, other) for name in TARGET for other in [*others, ALL]] + [(ALL, ALL)]
    assert table.index.tolist() == expected
    profiles, category = probe.profiles(), probe.table["category"].to_numpy()
    for (name, other), row in table.iterrows():
        chosen = probe.is_target if name == ALL else category == name
        rest = ~probe.is_target if other == ALL else category == other
        a, b = profiles[:, chosen].mean(axis=1), profiles[:, rest].mean(axis=1)
        networks = stats.ttest_rel(a, b, alternative="greater")
        low, high = stats.ttest_rel(a, b).confidence_interval(0.95)
        sounds = stats.ttest_ind(
            profiles[:, chosen].mean(axis=0),
            profiles[:, rest].mean(axis=0),
            equal_var=False,
            alternative="greater",
        )
        np.testing.assert_allclose(
            row[["difference", "low", "high", "p_networks", "p_sounds"]].to_numpy(dtype=float),
            [(a - b).mean(), low, high, networks.pvalue, sounds.pvalue],
            rtol=1e-9,
        )
    single = table[table.index.get_level_values("other") != ALL]
    for name in ("p_networks", "p_sounds"):
        assert table[f"{name}_holm"].isna().tolist() == [other == ALL for _, other in expected]
        # The definition: an ordered p times how many are left, and never below one before it.
        order = single[name].sort_values()
        adjusted, before = {}, 0.0
        for left, (key, p) in zip(range(len(order), 0, -1), order.items(), strict=True):
            before = max(before, min(1.0, left * p))
            adjusted[key] = before
        found = single[f"{name}_holm"]
        np.testing.assert_allclose(found, [adjusted[key] for key in found.index], rtol=1e-9)


def test_one_network_has_no_test_over_networks(probe):
    row = compared(probe.profiles()[:1], probe.table.assign(target=probe.is_target)).iloc[0]
    assert np.isnan([row["p_networks"], row["low"], row["p_networks_holm"]]).all()
    assert 0 < row["p_sounds"] < 1


def test_a_missing_p_counts_as_one_and_stays_missing():
    np.testing.assert_allclose(holm(np.array([0.01, np.nan, 0.04])), [0.03, np.nan, 0.08])


def test_a_ratio_to_nothing_is_missing():
    table = ratios_of(np.array([[1.0, 1.0, 0.0, 0.0]]), np.array([True, True, False, False]), [1])
    assert np.isnan(table["ratio"][0])


def test_correlations_are_those_of_scipy_in_the_data_and_in_each_sample():
    random = np.random.default_rng(1)
    # Many ties.
    profiles = np.round(random.standard_normal((3, 20)), 0)
    components = np.round(random.standard_normal((2, 20)), 0)
    counts = np.stack([np.bincount(random.integers(20, size=20), minlength=20) for _ in range(5)])
    for ours, theirs in ((pearson, stats.pearsonr), (spearman, stats.spearmanr)):
        found = ours(profiles, components, counts.astype(float))
        for i, profile in enumerate(profiles):
            for j, component in enumerate(components):
                expected = theirs(profile, component).statistic
                np.testing.assert_allclose(found.estimate[i, j], expected, atol=1e-12)
                for draw, count in enumerate(counts):
                    drawn = theirs(np.repeat(profile, count), np.repeat(component, count)).statistic
                    np.testing.assert_allclose(found.drawn[draw, i, j], drawn, atol=1e-12)


def test_a_constant_profile_has_no_correlation():
    profiles = np.stack([np.full(8, 0.1), np.arange(8.0)])
    counts = np.ones((2, 8))
    for ours in (pearson, spearman):
        found = ours(profiles, np.arange(8.0)[None], counts)
        assert np.isnan(found.estimate[0]).all() and np.isnan(found.drawn[:, 0]).all()
        np.testing.assert_allclose(found.estimate[1], 1)


def test_correlations_with_components_are_written_for_networks_and_their_mean(probe):
    # The second component is the mean profile of the networks, with noise.
    random = np.random.default_rng(8)
    profile = probe.profiles().mean(axis=0)
    probe.reference[:, 1] = profile + 0.5 * profile.std() * random.standard_normal(len(profile))
    tables = probe.run()
    rows = tables["components"].set_index(["seed", "component"])
    assert rows.index.tolist() == [(seed, name) for seed in SEEDS for name in ("pitch", "music")]
    for seed, of_network in zip(SEEDS, probe.profiles(), strict=True):
        row = rows.loc[(seed, "music")]
        expected = stats.pearsonr(of_network, probe.reference[:, 1])
        np.testing.assert_allclose(row["pearson"], expected.statistic, rtol=1e-9)
        ranks = stats.spearmanr(of_network, probe.reference[:, 1]).statistic
        np.testing.assert_allclose(row["spearman"], ranks, rtol=1e-9)
        assert row["pearson_low"] < row["pearson"] < row["pearson_high"]
        # Another bootstrap with as many draws: its ends differ by some hundredths.
        again = stats.bootstrap(
            (of_network, probe.reference[:, 1]),
            lambda x, y: stats.pearsonr(x, y).statistic,
            paired=True,
            vectorized=False,
            n_resamples=400,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
        np.testing.assert_allclose(row[["pearson_low", "pearson_high"]].tolist(), again, atol=0.1)
    means = tables["component_means"].set_index("component")
    for name in ("pearson", "spearman"):
        of_networks = rows[name].unstack()[["pitch", "music"]]
        np.testing.assert_allclose(means[name], of_networks.mean(), rtol=1e-9)
    assert means.loc["music", "pearson_low"] > 0 > means.loc["pitch", "pearson_low"]


def test_the_interval_over_networks_and_sounds_has_its_coverage():
    # Estimates = 0.2 + error of the network + error of the sounds + both, with known variances; the
    # bootstrap of sounds has the error of the sounds and of both.
    random = np.random.default_rng(4)
    n_networks, n_sounds, n_draws = 5, 100, 200
    sd_network, sd_sounds, sd_both = 0.03, 0.05, 0.02
    inside = []
    for _ in range(2000):
        own = 0.2 + sd_network * random.standard_normal((n_networks, 1))
        heard = sd_sounds * random.standard_normal() + sd_both * random.standard_normal(
            (n_networks, 1)
        )
        drawn = sd_sounds * random.standard_normal((n_draws, 1, 1))
        drawn = drawn + sd_both * random.standard_normal((n_draws, n_networks, 1))
        estimate = own + heard
        _, low, high = crossed_interval(Correlations(estimate, estimate + drawn), n_sounds)
        inside.append(low[0] < 0.2 < high[0])
    # The standard error of a share of 0.95 in 2,000 is 0.005; more is allowed above, where an
    # approximate interval is cautious.
    assert 0.93 < np.mean(inside) < 0.975


def test_a_set_without_profiles_has_empty_tables_of_components(probe):
    tables = probe.run(references=False)
    assert tables["components"].empty and tables["component_means"].empty
    assert len(tables["sounds"]) == len(SEEDS) * len(probe.table)


def test_wrong_inputs_are_one_line(probe):
    for target, says in (
        (["Musik"], r"probes\.mine\.target has 'Musik', but no sound has this category"),
        (list(CATEGORIES), r"probes\.mine\.target has every category"),
    ):
        with pytest.raises(InputError, match=says):
            probe.run(target=target)
    probe.sounds_of_responses = probe.sounds_of_responses[::-1]
    with pytest.raises(InputError, match=r"1\.h5: damaged responses .*not those to the sounds"):
        probe.run()


def test_a_network_without_selective_units_is_named(probe):
    probe.selective[3] = np.array([], dtype=int)
    with pytest.raises(InputError, match=r"units-3\.tsv.*has no selective unit of avgpool"):
        probe.run()
