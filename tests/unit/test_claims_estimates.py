"""Estimates behind the claims, on tables in which the claims hold and in which they do not."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from music_detectors.claims import estimates
from music_detectors.claims.columns import CLAIMS, NOT_SUPPORTED, SUPPORTED, UNDETERMINED, WHOLE
from music_detectors.claims.inference import claims_table
from music_detectors.selectivity.effects import effects
from support import claim_tables
from support.claim_tables import CONDITIONS, SEGMENTS, SMALLEST, Tables, study


def verdict_of(parts, alpha=0.05):
    table = claims_table(parts, alpha=alpha, min_networks=5)
    return table[table["part"] == WHOLE].set_index("claim")


def named(parts, name):
    (found,) = [part for part in parts if part.name == name]
    return found


def test_claims_planted_together_are_all_supported():
    verdicts = verdict_of(Tables(CLAIMS).parts())
    assert list(verdicts["verdict"]) == [SUPPORTED] * 6
    assert (verdicts["n_networks"] == 5).all() and (verdicts["n_clips"] > 100).all()


@pytest.mark.parametrize("claim", CLAIMS)
def test_only_the_planted_claim_is_supported(claim):
    verdicts = verdict_of(Tables([claim], draw=5).parts())
    assert verdicts.loc[claim, "verdict"] == SUPPORTED
    assert (verdicts.drop(claim)["verdict"] != SUPPORTED).all()
    assert (verdicts.drop(claim)["verdict"] == NOT_SUPPORTED).any()


def test_with_two_seeds_every_claim_is_undetermined():
    for true in (CLAIMS, ()):
        verdicts = verdict_of(Tables(true, seeds=2).parts())
        assert set(verdicts["verdict"]) == {UNDETERMINED}
        assert verdicts["reason"].str.contains("fewer than claims.min_networks").all()
    assert set(verdict_of(Tables(seeds=1).parts())["verdict"]) == {UNDETERMINED}


def test_null_tables_are_supported_no_more_often_than_alpha_allows():
    """Smallest effects are nearly zero, so that only the corrected intervals limit the error."""
    smallest = dict.fromkeys(SMALLEST, 1e-9)
    runs, supported, rejected = 100, 0, 0
    for draw in range(runs):
        tables = Tables((), draw=draw)
        parts = [
            dataclasses.replace(part, fault="") for part in tables.parts(study(smallest=smallest))
        ]
        verdicts = verdict_of(parts, alpha=0.2)["verdict"]
        supported += (verdicts == SUPPORTED).any()
        rejected += (verdicts == NOT_SUPPORTED).sum()
    assert stats.binomtest(supported, runs, 0.1, alternative="greater").pvalue > 0.01
    assert rejected


def test_segregation_is_compared_with_permuted_roles():
    tables = Tables()
    (main, *comparisons) = estimates.apart(study(), tables.segregation)
    table = tables.segregation["natural"]
    expected = (table["coarse_index"] - 0.3) / 0.7
    assert list(main.values.values()) == pytest.approx(list(expected))
    assert [part.needed for part in comparisons] == [False, False]
    over = expected - (tables.segregation["shuffled"]["coarse_index"] - 0.3) / 0.7
    assert list(comparisons[1].values.values()) == pytest.approx(list(over))
    # There is no estimate where points never share a bin, and a fault where chance varies much.
    table["coarse_permuted_mean"] = 1.0
    assert np.isnan(list(estimates.apart(study(), tables.segregation)[0].values.values())).all()
    tables = Tables()
    tables.segregation["natural"]["coarse_permuted_sd"] = 0.1
    fault = estimates.apart(study(), tables.segregation)[0].fault
    assert "index of permuted roles varies by 0.14" in fault
    tables.segregation["natural"]["n_target"] = 19
    assert "19 target and 240 other" in estimates.apart(study(), tables.segregation)[0].fault


def test_selectivity_is_the_mean_of_the_selective_units():
    tables = Tables()
    main, untrained, shuffled = estimates.selective(study(), tables.units, tables.recognition)
    means = {
        name: table[table["selective"]].groupby("seed")["test_hedges_g"].mean()
        for name, table in tables.units.items()
    }
    assert list(main.values.values()) == pytest.approx(list(means["natural"]))
    assert main.n_clips == 320
    for part, name in ((untrained, "untrained"), (shuffled, "shuffled")):
        assert part.needed and part.paired and part.smallest_effect == SMALLEST["controls"]
        assert list(part.values.values()) == pytest.approx(list(means["natural"] - means[name]))


def test_networks_are_paired_by_seed():
    tables = Tables(seeds=7)
    table = tables.units["untrained"]
    tables.units["untrained"] = table[table["seed"] > 2].sample(frac=1, random_state=0)
    part = estimates.selective(study(), tables.units, tables.recognition)[1]
    assert sorted(part.values) == [3, 4, 5, 6, 7]
    chosen = table[(table["seed"] == 4) & table["selective"]]
    ours = tables.units["natural"].query("seed == 4 and selective")
    expected = ours["test_hedges_g"].mean() - chosen["test_hedges_g"].mean()
    assert part.values[4] == pytest.approx(expected)


def test_a_control_that_is_as_selective_rejects_the_claim():
    tables = Tables()
    natural = tables.units["natural"]
    noise = np.random.default_rng(1).normal(0, 0.02, 5)[natural["seed"] - 1]
    tables.units["shuffled"] = natural.assign(test_hedges_g=natural["test_hedges_g"] + noise)
    whole = verdict_of(tables.parts()).loc["selective"]
    assert (whole["verdict"], whole["decided_by"]) == (NOT_SUPPORTED, "effect over shuffled")


def test_a_control_that_was_not_run_leaves_the_claim_undetermined():
    tables = Tables(conditions=("natural", "untrained"))
    table = claims_table(tables.parts(), alpha=0.05, min_networks=5).set_index(["claim", "part"])
    whole = table.loc[("selective", WHOLE)]
    assert whole["verdict"] == UNDETERMINED
    assert whole["reason"] == "no network of condition shuffled was run"
    assert np.isnan(whole["p_holm"])
    # The other claims do not need the comparison.
    assert table.loc[("apart", WHOLE), "verdict"] == SUPPORTED
    whole = verdict_of(Tables(conditions=("natural",)).parts(study(()))).loc["selective"]
    assert whole["verdict"] == UNDETERMINED and "names no condition" in whole["reason"]


def test_a_control_that_has_not_memorised_cannot_support_the_claim():
    tables = Tables()
    shuffled = (tables.recognition["condition"] == "shuffled") & (
        tables.recognition["clips"] == "training"
    )
    tables.recognition.loc[shuffled, "mean_average_precision"] = 0.07
    whole = verdict_of(tables.parts()).loc["selective"]
    assert whole["verdict"] == UNDETERMINED
    assert "shuffled networks have not memorised their labels" in whole["reason"]
    assert "clips: 0.02, against 0.45 for natural" in whole["reason"]
    # It can still reject the claim.
    tables.units["shuffled"] = tables.units["natural"].assign(
        test_hedges_g=tables.units["natural"]["test_hedges_g"]
        + tables.units["natural"]["seed"] / 99
    )
    assert verdict_of(tables.parts()).loc["selective", "verdict"] == NOT_SUPPORTED


def test_the_weakest_genre_decides_the_claim():
    tables = Tables()
    jazz = tables.genres["name"] == "Jazz"
    tables.genres.loc[jazz, "hedges_g"] -= 1
    whole = verdict_of(tables.parts()).loc["genres"]
    assert (whole["verdict"], whole["decided_by"]) == (NOT_SUPPORTED, "Jazz")
    assert whole["estimate"] == pytest.approx(tables.genres.loc[jazz, "hedges_g"].mean())


def test_genres_with_few_clips_are_not_needed():
    tables = Tables()
    jazz = tables.genres["name"] == "Jazz"
    tables.genres.loc[jazz, ["hedges_g", "n_clips"]] = [-1, 6]
    table = claims_table(tables.parts(), alpha=0.05, min_networks=5).set_index(["claim", "part"])
    assert table.loc[("genres", WHOLE), "verdict"] == SUPPORTED
    assert not table.loc[("genres", "Jazz"), "needed"]
    assert "6 and 240 test clips are too few" in table.loc[("genres", "Jazz"), "reason"]
    # With few clips of most genres, the claim is undetermined.
    tables.genres.loc[tables.genres["name"] == "Blues", "n_clips"] = 0
    whole = verdict_of(tables.parts()).loc["genres"]
    assert whole["verdict"] == UNDETERMINED
    assert whole["reason"] == "only 1 of 3 genres have enough test clips"


def test_without_genres_the_claim_is_undetermined():
    tables = Tables()
    tables.genres = tables.genres.iloc[:0]
    whole = verdict_of(tables.parts()).loc["genres"]
    assert (whole["verdict"], whole["reason"]) == (UNDETERMINED, "the corpus has no genres")
    # The other claims are still corrected for six claims.
    first = claims_table(tables.parts(), alpha=0.05, min_networks=5).iloc[0]
    assert first["low_confidence"] <= 1 - 0.025 / 6 + 1e-12


def quilt(slopes, intact=(3.0, 1.5), sd=2.0, seed=1):
    """Return a table of one network whose responses change by `slopes` per octave of length."""
    rows = [
        {
            "seed": seed,
            "segment_ms": segment,
            "group": group,
            "role": role,
            "n_clips": n,
            "response": intact[place]
            + (slopes[place] * np.log2(segment / 1600) if segment == segment else 0.0),
            "response_sd": sd,
        }
        for group in ("most", "least")
        for place, (role, n) in enumerate((("target", 80), ("other", 240)))
        for segment in (*SEGMENTS, np.nan)
    ]
    return pd.DataFrame(rows)


def temporal(table):
    alone = study(controls=())
    return {part.name: part.values.get(1) for part in estimates.temporal(alone, {"natural": table})}


def test_slopes_are_least_squares_in_sds_of_responses_to_intact_clips():
    table = quilt((0.1, 0.02))
    table["response"] += np.random.default_rng(2).normal(0, 0.1, len(table))
    table.loc[table["role"] == "other", "response_sd"] = 1.0
    sd = np.sqrt((79 * 4 + 239 * 1) / 318)
    found = temporal(table)
    slope = {}
    for role in ("target", "other"):
        rows = table[(table["role"] == role) & (table["group"] == "most")].dropna()
        line = stats.linregress(np.log2(rows["segment_ms"]), rows["response"])
        slope[role] = line.slope / sd
    assert found["rise"] == pytest.approx(slope["target"])
    assert found["rise, other sounds"] == pytest.approx(slope["other"])
    assert found["interaction"] == pytest.approx(slope["target"] - slope["other"])
    intact = table[(table["group"] == "most") & table["segment_ms"].isna()].set_index("role")
    share = intact["response"]["target"] / intact["response"]["other"]
    assert found["in proportion"] == pytest.approx(slope["target"] - share * slope["other"])
    shortest = table.query("group == 'most' and role == 'target' and segment_ms == 50")
    fall = (intact["response"]["target"] - shortest["response"].item()) / sd
    assert found["fall"] == pytest.approx(fall)


def test_losing_the_same_share_is_no_effect_in_proportion():
    """All responses lose 5% per octave: target loses more, but not in proportion."""
    found = temporal(quilt((0.15, 0.075)))
    assert found["interaction"] == pytest.approx(0.0375)
    assert found["in proportion"] == pytest.approx(0, abs=1e-12)


def test_a_rise_of_other_sounds_is_no_fall_of_the_target():
    found = temporal(quilt((0.0, -0.1)))
    assert found["interaction"] == pytest.approx(0.05)
    assert found["rise"] == pytest.approx(0, abs=1e-12)
    assert found["fall"] == pytest.approx(0, abs=1e-12)


def test_quilts_that_all_fall_equally_show_no_effect_of_length():
    table = quilt((0.0, 0.0))
    table.loc[table["segment_ms"].isna() & (table["role"] == "target"), "response"] += 1
    found = temporal(table)
    assert found["fall"] == pytest.approx(0.5)
    assert found["rise"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    "damage",
    [
        {"response_sd": 0.0},
        {"response_sd": np.nan},
        {"response": np.nan},
        {"n_clips": 1},
        {"segment_ms": 50.0},
    ],
)
def test_unusable_quilt_responses_leave_the_claim_undetermined(damage):
    tables = Tables()
    for name in CONDITIONS:
        tables.quilts[name] = tables.quilts[name].assign(**damage)
    assert verdict_of(tables.parts()).loc["temporal", "verdict"] == UNDETERMINED


def test_decoding_gain_is_the_share_of_the_missing_precision():
    tables = Tables()
    tables.decoding.loc[tables.decoding["seed"] == 2, "average_precision"] = [0.7, 0.4, 0.6, 0.9]
    parts = estimates.acoustics(study(), tables.units, tables.decoding)
    assert named(parts, "decoding").values[2] == pytest.approx(0.75)
    assert named(parts, "decoding from units alone").values[2] == pytest.approx(0.25)
    # Where covariates decode perfectly, units cannot add anything.
    tables.decoding.loc[tables.decoding["features"] == "covariates", "average_precision"] = 1.0
    assert verdict_of(tables.parts()).loc["acoustics", "verdict"] == UNDETERMINED


def test_an_effect_that_acoustics_explain_rejects_the_claim():
    tables = Tables()
    tables.units["natural"]["test_partial_d"] -= 0.8
    whole = verdict_of(tables.parts()).loc["acoustics"]
    assert (whole["verdict"], whole["decided_by"]) == (NOT_SUPPORTED, "residual effect")
    tables.units["natural"].loc[0, "test_partial_d"] = np.nan
    assert verdict_of(tables.parts()).loc["acoustics", "verdict"] == UNDETERMINED


def test_lesions_are_compared_at_the_fraction_of_the_selective_units():
    tables = Tables()
    parts = estimates.lesion(study(), tables.lesions)
    of_seed = tables.lesions.query("seed == 3 and group == 'natural' and fraction == 0.125")
    precision = of_seed.set_index("lesion")["mean_average_precision"]
    random = precision[["random-0001", "random-0002"]].mean()
    assert named(parts, "top over random").values[3] == pytest.approx(
        (random - precision["top"]) / 0.3
    )
    for name in ("bottom", "middle", "norm"):
        expected = (precision[name] - precision["top"]) / 0.3
        assert named(parts, f"top over {name}").values[3] == pytest.approx(expected)
    needed = [part.name for part in parts if part.needed]
    assert needed == ["top over random", "top over bottom", "top over middle"]
    assert "the 12.5% most selective" in parts[0].compared


def test_a_lesion_no_worse_than_others_rejects_the_claim():
    tables = Tables()
    middle = (tables.lesions["lesion"] == "middle") & (tables.lesions["fraction"] == 0.125)
    tables.lesions.loc[middle, "mean_average_precision"] -= 0.3 * 0.25
    whole = verdict_of(tables.parts()).loc["lesion"]
    assert (whole["verdict"], whole["decided_by"]) == (NOT_SUPPORTED, "top over middle")


@pytest.mark.parametrize("keep", ["none", "nothing", "no intact"])
def test_missing_lesions_leave_the_claim_undetermined(keep):
    tables = Tables()
    table = tables.lesions
    tables.lesions = {
        "none": table[table["lesion"] == "none"],
        "nothing": table.iloc[:0],
        "no intact": table[table["lesion"] != "none"],
    }[keep]
    assert verdict_of(tables.parts()).loc["lesion", "verdict"] == UNDETERMINED


@pytest.mark.parametrize("missing", ["segregation", "units", "genres", "decoding", "lesions"])
def test_missing_estimates_leave_the_claim_undetermined(missing):
    tables = Tables()
    affected = getattr(tables, missing)
    for table in affected.values() if isinstance(affected, dict) else [affected]:
        for column in table.select_dtypes(float):
            if column not in ("segment_ms", "first_rank", "fraction"):
                table[column] = np.nan
    verdicts = verdict_of(tables.parts())["verdict"]
    assert (verdicts == UNDETERMINED).sum() == (2 if missing == "units" else 1)


def test_random_labels_support_nothing():
    """Labels are random, and responses of all networks to the shared clips are correlated."""
    generator = np.random.default_rng(21)
    runs, supported = 100, 0
    n = {"train": 200, "test": 320}
    for _ in range(runs):
        label = {split: generator.permutation(np.arange(k) < k // 4) for split, k in n.items()}
        shared = {split: generator.standard_normal((k, 64)) for split, k in n.items()}
        units = {}
        for condition in CONDITIONS:
            parts = []
            for seed in range(1, 6):
                g = {}
                for split, k in n.items():
                    responses = 0.9 * shared[split] + 0.44 * generator.standard_normal((k, 64))
                    found = effects(responses[label[split]], responses[~label[split]])
                    g[split] = found["welch_t" if split == "train" else "hedges_g"]
                parts.append(
                    pd.DataFrame(
                        {
                            "seed": seed,
                            "selective": g["train"] >= np.sort(g["train"])[-8],
                            "test_n_target": 80,
                            "test_n_other": 240,
                            "test_hedges_g": g["test"],
                        }
                    )
                )
            units[condition] = pd.concat(parts)
        parts = estimates.selective(study(), units, claim_tables.Tables().recognition)
        supported += verdict_of(parts).loc["selective", "verdict"] == SUPPORTED
    assert stats.binomtest(supported, runs, 0.025, alternative="greater").pvalue > 0.01
