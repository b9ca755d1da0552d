"""The claims over several corpora: the mean, the verdicts, the page, and what stands in the way."""

import json
import warnings

import numpy as np
import pytest
from scipy import optimize, stats

from music_detectors.claims.columns import (
    CLAIMS,
    NOT_SUPPORTED,
    PRESENT,
    SUPPORTED,
    UNDETERMINED,
    VERDICTS,
    WHOLE,
)
from music_detectors.claims.inference import Part, claims_table
from music_detectors.claims.settings import write_settings
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpora.columns import CORPORA_CLAIMS, CORPORA_ESTIMATES
from music_detectors.corpora.combine import combined
from music_detectors.corpora.compare import compare_corpora
from music_detectors.corpora.forest import forest_figure
from music_detectors.corpora.judge import judged
from music_detectors.corpora.read import comparable, find_corpora, read_corpus

N = len(CLAIMS)
SETTINGS = {
    "code": "0123",
    "target": "Music",
    "condition": "natural",
    "alpha": 0.05,
    "min_networks": 5,
    "sounds": "groups",
}


def part(mean, name="effect", claim="selective", smallest=0.5, error=0.02, **more):
    """Return a part with this mean over five networks, and almost this standard error."""
    values = mean + error * np.sqrt(5) * np.array([-1.2, -0.4, 0.0, 0.4, 1.2]) / 0.9
    seeds = range(1, 6)
    shifts = 1e-3 * error * np.linspace(-1, 1, 20)
    return Part(
        claim,
        name,
        "what",
        "SD",
        smallest,
        dict(zip(seeds, values.tolist(), strict=True)),
        320,
        left_out={
            block: dict(zip(seeds, (values + shift).tolist(), strict=True))
            for block, shift in enumerate(shifts)
        },
        **more,
    )


def corpus(folder, name, parts, **settings):
    """Write the claims of a corpus as its run would; returns its folder."""
    table = claims_table(parts, alpha=0.05, min_networks=5)
    (folder / name / "claims").mkdir(parents=True)
    write_table(folder / name / "claims" / "claims.tsv", table, VERDICTS)
    write_settings(folder / name / "claims" / "settings.json", SETTINGS | settings)
    return folder / name


def over(tmp_path, *of_corpora):
    """Return the table of claims over corpora with these parts, by claim and part."""
    folders = [corpus(tmp_path, f"c{k}", parts) for k, parts in enumerate(of_corpora)]
    claims, estimates = judged([read_corpus(folder) for folder in folders], 0.05)
    return claims.set_index(["claim", "part"]), estimates


def paule_mandel(estimates, variances):
    """Return the variance between corpora at which Cochran's Q equals its expectation."""

    def excess(between):
        weights = 1 / (variances + between)
        mean = (weights * estimates).sum() / weights.sum()
        return (weights * (estimates - mean) ** 2).sum() - (len(estimates) - 1)

    return optimize.brentq(excess, 0, 1e6, xtol=1e-14) if excess(0) > 0 else 0.0


@pytest.mark.parametrize("scale", [1.0, 1e-3, 50.0])
@pytest.mark.parametrize(
    ("estimates", "errors"),
    [
        ([0.5, 0.8], [0.1, 0.1]),
        ([0.5, 0.9, 0.2, 0.4], [0.1, 0.2, 0.1, 0.05]),
        ([0.5, 0.51, 0.52], [0.1, 0.2, 0.1]),
    ],
)
def test_the_mean_is_that_of_paule_mandel_hartung_and_knapp(estimates, errors, scale):
    estimates, errors = scale * np.array(estimates), scale * np.array(errors)
    found = combined(estimates, errors)
    # The library stops when Q is within 1e-5 of what is expected.
    between = paule_mandel(estimates, errors**2)
    assert found.between**2 == pytest.approx(between, rel=1e-4, abs=1e-12 * scale**2)
    weights = 1 / (errors**2 + between)
    mean = (weights * estimates).sum() / weights.sum()
    n = len(estimates)
    own = (weights * (estimates - mean) ** 2).sum() / (n - 1) / weights.sum()
    error = np.sqrt(max(own, 1 / weights.sum()))
    assert found.mean.value == pytest.approx(mean, rel=1e-4)
    assert found.mean.error == pytest.approx(error, rel=1e-4)
    assert [source.df for source in found.mean.sources] == [n - 1]
    assert found.weights == pytest.approx(weights / weights.sum(), rel=1e-4)
    low, high = found.prediction()
    if n == 2:
        assert np.isnan([low, high]).all()
    else:
        reach = stats.t.ppf(0.975, n - 2) * np.sqrt(between + error**2)
        assert (low, high) == pytest.approx((mean - reach, mean + reach), rel=1e-3)


def test_equal_estimates_have_no_variance_between_corpora():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = combined(np.full(3, 0.5), np.array([0.1, 0.2, 0.3]))
    assert (found.between, found.i2) == (0, 0)
    # An error of zero, which Hartung and Knapp would give, is not taken.
    assert found.mean.error == pytest.approx(1 / np.sqrt(sum(1 / e**2 for e in (0.1, 0.2, 0.3))))


@pytest.mark.parametrize(("n", "between"), [(2, 0.3), (3, 0.0), (4, 0.2), (6, 0.2)])
def test_the_interval_covers_the_mean_of_all_corpora(n, between):
    random, covered, runs = np.random.default_rng(4), 0, 400
    for _ in range(runs):
        errors = random.uniform(0.05, 0.2, n)
        truth = 0.5 + between * random.standard_normal(n)
        found = combined(truth + errors * random.standard_normal(n), errors).mean
        covered += abs(found.value - 0.5) <= found.reach(0.025)
    assert stats.binomtest(covered, runs, 0.95, alternative="less").pvalue > 0.01


@pytest.mark.parametrize(
    ("means", "verdict"),
    [
        ((1.0, 1.05, 0.98, 1.02, 1.0), SUPPORTED),
        ((0.5, 0.52, 0.48, 0.5, 0.51), PRESENT),
        ((0.01, -0.02, 0.0, 0.01, 0.0), NOT_SUPPORTED),
        # Clear in each, but too different to speak of others.
        ((0.6, 3.0, 0.1), UNDETERMINED),
        ((1.0, 1.05), UNDETERMINED),
    ],
)
def test_verdicts_over_corpora(tmp_path, means, verdict):
    table, estimates = over(tmp_path, *([part(mean)] for mean in means))
    for name in (WHOLE, "effect"):
        assert table.loc[("selective", name), "verdict"] == verdict
    assert table.loc[("selective", WHOLE), "decided_by"] == "effect"
    assert estimates["weight"].sum() == pytest.approx(1)
    assert set(table.loc["genres", "verdict"]) == {UNDETERMINED}


def test_the_ends_are_corrected_as_those_of_claims_are(tmp_path):
    table, estimates = over(tmp_path, *([part(m)] for m in (1.0, 1.1, 0.9, 1.2)))
    row = table.loc[("selective", "effect")]
    assert row["low_confidence"] == row["high_confidence"] == pytest.approx(1 - 0.025 / N)
    mean = combined(estimates["estimate"].to_numpy(), estimates["error"].to_numpy()).mean
    ends = stats.t.interval(1 - 0.05 / N, 3, loc=mean.value, scale=mean.error)
    assert (row["low"], row["high"]) == pytest.approx(ends)


def test_an_equivalence_must_lie_within_its_margin(tmp_path):
    same = {"name": "natural and full", "claim": "models", "smallest": 0.25, "equivalence": True}
    means = (0.01, -0.01, 0.0, 0.02, 0.0)
    table, _ = over(tmp_path, *([part(mean, error=0.005, **same)] for mean in means))
    assert table.loc[("models", WHOLE), "verdict"] == SUPPORTED
    table, _ = over(tmp_path / "far", *([part(1.0 + m, error=0.005, **same)] for m in means))
    assert table.loc[("models", WHOLE), "verdict"] == NOT_SUPPORTED


@pytest.mark.parametrize(("p", "verdict"), [(0.01, SUPPORTED), (0.2, UNDETERMINED)])
def test_a_part_by_rank_must_hold_in_every_corpus(tmp_path, p, verdict):
    corpora = [
        [part(0.9), part(0.1, "random", smallest=0.0, error=0.2, rank_p=own)]
        for own in (0.002, p, 0.004)
    ]
    claims, _ = over(tmp_path, *corpora)
    row, whole = claims.loc["selective", "random"], claims.loc["selective", WHOLE]
    assert row["verdict"] == whole["verdict"] == verdict
    assert row["p"] == p
    assert f"the largest p of the target among random sets of classes is {p:g}" in row["reason"]


def test_one_corpus_says_nothing_about_others(tmp_path):
    table, _ = over(tmp_path, [part(1.0)])
    row = table.loc[("selective", WHOLE)]
    assert row["verdict"] == UNDETERMINED and "at least two" in row["reason"]
    assert row["estimate"] == pytest.approx(1.0) and np.isnan(row["low"])


def test_a_part_of_some_corpora_is_shown_and_does_not_count(tmp_path):
    means = (1.0, 1.05, 0.98, 1.02, 1.0)
    of_corpora = [[part(mean)] for mean in means]
    of_corpora[0].append(part(-3.0, name="effect over gabor"))
    table, _ = over(tmp_path, *of_corpora)
    row = table.loc[("selective", "effect over gabor")]
    assert (row["verdict"], row["reason"]) == (UNDETERMINED, "only in c0")
    assert table.loc[("selective", WHOLE), "verdict"] == SUPPORTED


def test_other_smallest_effects_or_units_prevent_a_verdict(tmp_path):
    table, _ = over(tmp_path, [part(1.0)], [part(1.0, smallest=0.4)])
    row = table.loc[("selective", WHOLE)]
    assert row["verdict"] == UNDETERMINED
    assert "different smallest effects of interest: 0.5 in c0, 0.4 in c1" in row["reason"]


def test_a_corpus_without_an_estimate_is_named(tmp_path):
    table, estimates = over(
        tmp_path, *([part(m)] for m in (1.0, 1.01, 0.99, 1.0)), [part(np.nan, fault="no clips")]
    )
    row = table.loc[("selective", "effect")]
    assert row["n_corpora"] == 4 and row["reason"].endswith("c4 has no such estimate")
    lacking = estimates.set_index("corpus").loc["c4"]
    assert (lacking["weight"], lacking["left_out"]) == (0, "no clips")


def test_what_corpora_differ_in_is_said(tmp_path):
    read = [
        read_corpus(corpus(tmp_path, "a", [part(1.0)])),
        read_corpus(corpus(tmp_path, "b", [part(1.0)], sounds="clips", alpha=0.1, code="4567")),
    ]
    said = " ".join(comparable(read))
    assert "one draw of a sound: groups (a); clips (b)" in said
    assert "0.05 (a); 0.1 (b)" in said and "different code" in said and "versions" not in said
    assert comparable(read[:1]) == []


def test_corpora_of_different_targets_do_not_stand_on_one_page(tmp_path):
    read = [
        read_corpus(corpus(tmp_path, "a", [part(1.0)])),
        read_corpus(corpus(tmp_path, "b", [part(1.0)], target="Speech")),
    ]
    with pytest.raises(InputError, match=r"Music \(a\); Speech \(b\)"):
        comparable(read)


def test_corpora_are_found_or_named(tmp_path):
    for name in ("b", "a"):
        corpus(tmp_path, name, [part(1.0)])
    # Neither has claims of a corpus.
    (tmp_path / "corpora" / "claims").mkdir(parents=True)
    (tmp_path / "corpora" / "claims" / "claims.tsv").touch()
    (tmp_path / "unfinished").mkdir()
    assert [path.name for path in find_corpora([], tmp_path)] == ["a", "b"]
    elsewhere = corpus(tmp_path / "other", "c", [part(1.0)])
    assert find_corpora(["b", str(elsewhere)], tmp_path) == [tmp_path / "b", elsewhere]
    for named, said in (
        (["unfinished"], "names unfinished, which has no"),
        (["missing"], "names missing"),
        (["a", str(tmp_path / "a")], "twice"),
    ):
        with pytest.raises(InputError, match=said):
            find_corpora(named, tmp_path)
    with pytest.raises(InputError, match="run the target claims"):
        find_corpora([], tmp_path / "unfinished")


def test_claims_of_an_earlier_version_and_damaged_settings_are_refused(tmp_path):
    folder = corpus(tmp_path, "a", [part(1.0)])
    settings = folder / "claims" / "settings.json"
    for content, said in (("{", "damaged"), ("{}", "lacks version")):
        settings.with_name(".settings.json.sha256").unlink(missing_ok=True)
        settings.write_text(content)
        with pytest.raises(InputError, match=said):
            read_corpus(folder)
    settings.unlink()
    with pytest.raises(InputError, match="earlier version"):
        read_corpus(folder)


def over_all(folder):
    """Write what stands on the page over the corpora in `folder`; return where it is."""
    own = folder / "corpora"
    names = ("claims.tsv", "estimates.tsv", "forest.svg", "forest.png", "corpora.md")
    compare_corpora([], folder, *(own / name for name in names), alpha=0.05)
    return own


def test_tables_figure_and_page_are_written(tmp_path, capsys):
    for name, mean in (("one", 1.0), ("two", 1.2), ("three", 0.8)):
        genre = part(0.9, name=f"only {name}", claim="genres")
        corpus(tmp_path, name, [part(mean), genre], alpha=0.1 if name == "two" else 0.05)
    folder = over_all(tmp_path)
    claims = read_table(folder / "claims.tsv", CORPORA_CLAIMS)
    estimates = read_table(folder / "estimates.tsv", CORPORA_ESTIMATES)
    assert len(claims) == N + 1 + 3 and len(estimates) == 6
    assert (folder / "forest.png").stat().st_size > 10_000 and (folder / "forest.svg").exists()
    page = (folder / "corpora.md").read_text()
    assert "over 3 corpora" in page and "With 3 corpora" in page and "0.1 (two)" in page
    assert "only in one" in page and "(forest.png)" in page
    assert "different probabilities" in capsys.readouterr().err
    # Again, with the folder of the page among those that could be corpora.
    over_all(tmp_path)
    assert (folder / "corpora.md").read_text() == page


def test_the_figure_draws_the_estimates_in_smallest_effects(tmp_path):
    folders = [corpus(tmp_path, name, [part(m)]) for name, m in (("a", 1.0), ("b", 1.5))]
    claims, estimates = judged([read_corpus(folder) for folder in folders], 0.05)
    axes = forest_figure(claims, estimates).axes[0]
    drawn = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert drawn == pytest.approx([2.0, 3.0])
    (mean,) = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "D"]
    expected = claims.set_index("part").loc["effect", "estimate"] / 0.5
    assert mean == pytest.approx(expected)


def test_settings_hold_the_version(tmp_path):
    write_settings(tmp_path / "settings.json", SETTINGS)
    found = json.loads((tmp_path / "settings.json").read_text())
    assert found.pop("version") and found == SETTINGS
