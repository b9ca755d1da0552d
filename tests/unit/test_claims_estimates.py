"""Estimates behind the claims, on tables in which the claims hold and in which they do not."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from music_detectors.claims.columns import CLAIMS, NOT_SUPPORTED, SUPPORTED, UNDETERMINED, WHOLE
from music_detectors.claims.estimates.representation import (
    all_units,
    apart,
    decoding,
    emergence,
)
from music_detectors.claims.estimates.segments import generalisation, speech, temporal
from music_detectors.claims.estimates.silencing import lesion
from music_detectors.claims.estimates.units import (
    acoustics,
    genres,
    level,
    models,
    probe,
    selective,
    specific,
)
from music_detectors.claims.inference import claims_table
from music_detectors.selectivity.effects import effects
from support.claim_tables import FIXED, GENRES, SMALLEST, Tables, study

ALL = set(CLAIMS)


def verdict_of(parts, alpha=0.05):
    table = claims_table(parts, alpha=alpha, min_networks=5)
    return table[table["part"] == WHOLE].set_index("claim")


def named(parts, name):
    (found,) = [part for part in parts if part.name == name]
    return found


def numbers(part):
    return list(part.values.values())


# All claims together


def test_claims_planted_together_are_all_supported():
    verdicts = verdict_of(Tables().parts())
    assert list(verdicts["verdict"]) == [SUPPORTED] * len(CLAIMS)
    assert (verdicts["n_networks"] == 5).all() and (verdicts["n_clips"] > 50).all()


@pytest.mark.parametrize("claim", CLAIMS)
def test_only_the_planted_claim_is_supported(claim):
    verdicts = verdict_of(Tables([claim], draw=5, spread=0.05).parts())
    assert verdicts.loc[claim, "verdict"] == SUPPORTED
    assert (verdicts.drop(claim)["verdict"] != SUPPORTED).all()
    assert (verdicts.drop(claim)["verdict"] == NOT_SUPPORTED).sum() > 6


@pytest.mark.parametrize("claim", CLAIMS)
def test_without_an_effect_a_claim_is_not_supported(claim):
    assert verdict_of(Tables(ALL - {claim}).parts()).loc[claim, "verdict"] != SUPPORTED


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_opposite_of_a_claim_rejects_it(claim):
    """All estimates are those of tables in which the claim holds, with the other sign.

    An equivalence is moved beyond its margin.
    """
    parts = [
        dataclasses.replace(
            part,
            values={
                seed: value + 10 if part.equivalence else -value
                for seed, value in part.values.items()
            },
        )
        if part.claim == claim and part.needed
        else part
        for part in Tables().parts()
    ]
    verdicts = verdict_of(parts)
    assert verdicts.loc[claim, "verdict"] == NOT_SUPPORTED
    assert (verdicts.drop(claim)["verdict"] == SUPPORTED).all()


def test_with_two_seeds_every_claim_is_undetermined():
    for true in (CLAIMS, ()):
        verdicts = verdict_of(Tables(true, seeds=2).parts())
        assert set(verdicts["verdict"]) == {UNDETERMINED}
        assert verdicts["reason"].str.contains("fewer than claims.min_networks").all()
    assert set(verdict_of(Tables(seeds=1).parts())["verdict"]) == {UNDETERMINED}


def test_null_tables_are_supported_no_more_often_than_alpha_allows():
    """Smallest effects are nearly zero, so that only the corrected intervals limit the error."""
    smallest = dict.fromkeys(SMALLEST, 1e-9)
    runs, supported, rejected = 40, 0, 0
    for draw in range(runs):
        tables = Tables((), draw=draw)
        parts = [
            dataclasses.replace(part, fault="")
            for part in tables.parts(study(smallest_effects=smallest))
        ]
        verdicts = verdict_of(parts, alpha=0.2)["verdict"]
        supported += (verdicts == SUPPORTED).any()
        rejected += (verdicts == NOT_SUPPORTED).sum()
    assert stats.binomtest(supported, runs, 0.1, alternative="greater").pvalue > 0.01
    assert rejected


UNCONFIGURED = {
    "controls": ("selective", "probe", "models", "temporal", "specific", "acoustics"),
    "features": ("apart",),
    "target_heard": ("models",),
    "shuffled": ("generalisation",),
    "speech_withheld": ("speech",),
    "withheld_others": ("specific",),
}


@pytest.mark.parametrize("key", UNCONFIGURED)
def test_a_part_without_a_condition_leaves_its_claims_undetermined(key):
    verdicts = verdict_of(Tables().parts(study(**{key: ()})))
    undetermined = verdicts[verdicts["verdict"] == UNDETERMINED]
    assert tuple(undetermined.index) == UNCONFIGURED[key]
    named = f"claims.compared.{key} names no condition"
    assert undetermined["reason"].str.startswith(named).all()


def test_conditions_that_were_not_run_leave_their_claims_undetermined():
    tables = Tables(conditions=("natural", "untrained"))
    verdicts = verdict_of(tables.parts())
    undetermined = verdicts[verdicts["verdict"] == UNDETERMINED]
    expected = {name for names in UNCONFIGURED.values() for name in names}
    assert set(undetermined.index) == expected
    says = r"condition ([\w-]+) was not run, because conditions\.\1 is null"
    assert undetermined["reason"].str.fullmatch(says).all()
    assert undetermined["p_holm"].isna().all()


@pytest.mark.parametrize(
    ("claim", "missing", "says"),
    [
        ("level", {"levels": None}, "list level-0db and others in stimuli.played"),
        ("probe", {"ratios": None, "categories": None}, "describe one in probes"),
        ("emergence", {"emergence": None}, "conditions.natural.snapshots"),
    ],
)
def test_an_analysis_that_is_not_configured_says_which_key_to_set(claim, missing, says):
    tables = Tables()
    for name, value in missing.items():
        setattr(tables, name, value)
    verdicts = verdict_of(tables.parts())
    assert verdicts.loc[claim, "verdict"] == UNDETERMINED
    assert says in verdicts.loc[claim, "reason"]
    assert (verdicts.drop(claim)["verdict"] == SUPPORTED).all()


def test_without_further_targets_the_claim_about_them_is_undetermined():
    row = verdict_of(Tables().parts(study(further=()))).loc["specific"]
    assert row["verdict"] == UNDETERMINED and "list some in targets" in row["reason"]


@pytest.mark.parametrize(
    ("missing", "claims"),
    [
        ("segregation", {"apart"}),
        ("genres", {"genres"}),
        ("decoding", {"apart", "decoding", "acoustics"}),
        ("lesions", {"lesion"}),
        ("levels", {"level"}),
        ("ratios", {"probe"}),
        ("categories", {"probe"}),
        ("emergence", {"emergence"}),
    ],
)
def test_missing_estimates_leave_the_claim_undetermined(missing, claims):
    tables = Tables()
    affected = getattr(tables, missing)
    for table in affected.values() if isinstance(affected, dict) else [affected]:
        for column in table.select_dtypes(float):
            if column not in ("first_rank", "fraction", "level_db"):
                table[column] = np.nan
    verdicts = verdict_of(tables.parts())["verdict"]
    assert set(verdicts.index[verdicts == UNDETERMINED]) == claims


def test_networks_are_paired_by_seed():
    tables = Tables(seeds=7)
    table = tables.selectivity["Music"]
    dropped = (table["condition"] == "untrained") & (table["seed"] <= 2)
    tables.selectivity["Music"] = table[~dropped].sample(frac=1, random_state=0)
    part = named(selective(study(), tables.measured()), "effect over untrained")
    assert sorted(part.values) == [3, 4, 5, 6, 7] and part.paired
    g = table.set_index(["condition", "seed"])["response_hedges_g"]
    assert part.values[4] == pytest.approx(g["natural", 4] - g["untrained", 4])


def test_the_one_value_of_a_fixed_model_is_compared_with_each_network():
    tables = Tables()
    part = named(selective(study(), tables.measured()), "effect over gabor")
    g = tables.selectivity["Music"].set_index(["condition", "seed"])["response_hedges_g"]
    assert numbers(part) == pytest.approx(list(g["natural"] - g["gabor", 1]))
    assert not part.paired and "minus the gabor model" in part.compared


# 1 apart


def test_segregation_is_compared_with_permuted_roles():
    tables = Tables()
    main, *comparisons = [
        part for part in apart(study(), tables.measured()) if part.name.startswith("segreg")
    ]
    table = tables.segregation["natural"]
    expected = (table["coarse_index"] - 0.3) / 0.7
    assert numbers(main) == pytest.approx(list(expected))
    assert not any(part.needed for part in comparisons)
    over = expected - (tables.segregation["shuffled"]["coarse_index"] - 0.3) / 0.7
    shuffled = named(comparisons, "segregation over shuffled")
    assert numbers(shuffled) == pytest.approx(list(over))
    # There is no estimate where points never share a bin, and a fault where chance varies much.
    table["coarse_permuted_mean"] = 1.0
    assert np.isnan(numbers(apart(study(), tables.measured())[0])).all()
    tables = Tables()
    tables.segregation["natural"]["coarse_permuted_sd"] = 0.1
    fault = apart(study(), tables.measured())[0].fault
    assert "index of permuted roles varies by 0.14" in fault
    tables.segregation["natural"]["n_target"] = 19
    assert "19 target and 240 other" in apart(study(), tables.measured())[0].fault


def test_recognition_is_measured_above_chance_on_test_clips():
    tables = Tables()
    natural, target = (
        named(apart(study(), tables.measured()), name)
        for name in ("natural classes", "target classes")
    )
    rows = tables.recognition.query("condition == 'natural' and clips == 'test'")
    scores = rows.pivot(index="seed", columns="group", values="mean_average_precision")
    adjusted = (scores - 0.05) / 0.95
    assert numbers(natural) == pytest.approx(list(adjusted["natural"]))
    assert numbers(target) == pytest.approx(list(adjusted["target"] / adjusted["natural"]))
    assert target.equivalence and not natural.equivalence
    assert natural.here == pytest.approx(scores["natural"].mean())


@pytest.mark.parametrize("precision", [0.2, 0.03])
def test_recognition_of_the_target_off_chance_does_not_support_the_claim(precision):
    tables = Tables()
    rows = (tables.recognition["condition"] == "natural") & (
        tables.recognition["group"] == "target"
    )
    tables.recognition.loc[rows, "mean_average_precision"] = precision + np.linspace(0, 0.01, 10)
    # Well above chance rejects the claim; a little below it is still chance.
    expected = NOT_SUPPORTED if precision > 0.05 else SUPPORTED
    assert verdict_of(tables.parts()).loc["apart", "verdict"] == expected


def test_decoding_from_all_units_is_compared_with_the_features():
    tables = Tables()
    parts = apart(study(), tables.measured())
    table = tables.decoding["natural"]
    own = table[table["features"] == "all units"].set_index("seed")["average_precision"]
    assert numbers(named(parts, "decoding")) == pytest.approx(list((own - 0.25) / 0.75))
    for features in FIXED:
        over = named(parts, f"decoding over {features}")
        assert numbers(over) == pytest.approx(list((own - 0.6) / 0.4))
        assert over.needed and not over.paired and over.here == pytest.approx(0.6)
        together = named(parts, f"decoding with {features}")
        assert numbers(together) == pytest.approx(list(0.001 / (1 - own)))
        assert not together.needed


# 2 all units


def test_the_common_language_effect_is_measured_from_one_half():
    tables = Tables()
    (main, *_) = all_units(study(), tables.measured())
    table = tables.selectivity["Music"].query("condition == 'natural'")
    assert numbers(main) == pytest.approx(list(table["test_all_common_language"] - 0.5))
    assert main.here == pytest.approx(table["test_all_common_language"].mean())


# 3 selective


def test_selectivity_is_compared_with_every_control():
    tables = Tables()
    parts = selective(study(), tables.measured())
    assert [(part.name, part.needed) for part in parts] == [
        ("effect", True),
        ("effect over untrained", True),
        ("effect over gabor", True),
        ("effect over shuffled", False),
        ("effect over full", False),
    ]
    table = tables.selectivity["Music"].set_index(["condition", "seed"])
    assert numbers(parts[0]) == list(table.loc["natural", "response_hedges_g"])
    assert parts[0].here == pytest.approx(table.loc["natural", "test_ratio"].mean())
    assert parts[0].n_clips == 320 and parts[1].smallest_effect == SMALLEST["controls"]


def test_a_control_that_is_as_selective_rejects_the_claim():
    tables = Tables()
    table = tables.selectivity["Music"]
    natural = table.loc[table["condition"] == "natural", "response_hedges_g"].to_numpy()
    noise = np.random.default_rng(1).normal(0, 0.005, 5)
    table.loc[table["condition"] == "untrained", "response_hedges_g"] = natural + noise
    whole = verdict_of(tables.parts()).loc["selective"]
    assert (whole["verdict"], whole["decided_by"]) == (NOT_SUPPORTED, "effect over untrained")


def test_shuffled_networks_may_be_as_selective():
    tables = Tables()
    table = tables.selectivity["Music"]
    natural = table.loc[table["condition"] == "natural", "response_hedges_g"].to_numpy()
    table.loc[table["condition"] == "shuffled", "response_hedges_g"] = natural
    assert verdict_of(tables.parts()).loc["selective", "verdict"] == SUPPORTED


# 4 level


def test_levels_are_the_equal_one_and_the_lowest():
    tables = Tables()
    equal, lowest = level(study(), tables.measured())
    rows = tables.levels[tables.levels["group"] == "most"]
    for part, level_db in ((equal, 0), (lowest, -18)):
        of_level = rows[rows["level_db"] == level_db]
        assert numbers(part) == list(of_level["hedges_g"])
        assert part.here == of_level["ratio"].mean()
    assert "18 dB softer" in lowest.compared
    tables.levels = tables.levels[tables.levels["level_db"] == 0]
    row = verdict_of(tables.parts()).loc["level"]
    assert row["verdict"] == UNDETERMINED and "no level below 0 dB" in row["reason"]


# 5 decoding


def test_the_top_block_is_compared_with_all_units_and_the_next_block():
    tables = Tables()
    top, over, of_genres = decoding(study(), tables.measured())
    table = tables.decoding["natural"]
    of_target = table[table["genre"] == ""]
    everything = of_target[of_target["features"] == "all units"].set_index("seed")
    blocks = of_target[of_target["features"] == "units"].pivot(
        index="seed", columns="first_rank", values="average_precision"
    )
    share = (blocks[1] - 0.25) / (everything["average_precision"] - 0.25)
    assert numbers(top) == pytest.approx(list(share))
    assert numbers(over) == pytest.approx(list((blocks[1] - blocks[33]) / (1 - blocks[33])))
    genre = table[(table["genre"] != "") & (table["first_rank"] == 1)]
    mean = ((genre["average_precision"] - 0.05) / 0.95).groupby(genre["seed"]).mean()
    assert numbers(of_genres) == pytest.approx(list(mean))


def test_one_block_of_units_has_no_next():
    tables = Tables()
    table = tables.decoding["natural"]
    tables.decoding["natural"] = table[table["first_rank"] != 33]
    row = verdict_of(tables.parts()).loc["decoding"]
    assert row["verdict"] == UNDETERMINED and "decoding.units leaves no second" in row["reason"]


def test_without_genres_decoding_rests_on_the_target():
    tables = Tables()
    table = tables.decoding["natural"]
    tables.decoding["natural"] = table[table["genre"] == ""]
    assert [part.name for part in decoding(study(), tables.measured())] == [
        "top units",
        "top over next units",
    ]


# 6 probe


def test_a_profile_compares_categories_by_their_sounds():
    tables = Tables()
    parts = probe(study(), tables.measured())
    needed = [part.name for part in parts if part.needed]
    assert needed == [
        *("ratio", "ratio over untrained", "ratio over gabor"),
        *("Instrumental", "Song", "over Speech", "over Nature"),
    ]
    table = tables.categories.pivot(index="seed", columns="category", values="response")
    target = (12 * table["Instrumental"] + 8 * table["Song"]) / 20
    assert numbers(named(parts, "over Speech")) == pytest.approx(list(target / table["Speech"] - 1))
    other = (table["Speech"] + table["Nature"]) / 2
    assert numbers(named(parts, "Song")) == pytest.approx(list(table["Song"] / other - 1))
    ratio = tables.ratios["natural"]["ratio"] - 1
    assert numbers(named(parts, "ratio")) == pytest.approx(list(ratio))
    over = tables.ratios["natural"]["ratio"] - tables.ratios["gabor"]["ratio"].item()
    assert numbers(named(parts, "ratio over gabor")) == pytest.approx(list(over))
    correlation = named(parts, "correlation with music")
    assert not correlation.needed
    of_music = tables.components[tables.components["component"] == "music"]
    assert numbers(correlation) == list(of_music["pearson"])


def test_one_category_with_a_larger_response_rejects_the_claim():
    tables = Tables()
    table = tables.categories
    table.loc[table["category"] == "Nature", "response"] += 2
    whole = verdict_of(tables.parts()).loc["probe"]
    assert whole["verdict"] == NOT_SUPPORTED and whole["decided_by"] in ("over Nature", "Song")


# 7 models


def test_models_are_equal_with_and_without_the_target_and_above_controls():
    tables = Tables()
    parts = models(study(), tables.measured())
    assert [part.name for part in parts if part.needed] == [
        *("natural and full", "natural over untrained", "natural over gabor"),
        *("full over untrained", "full over gabor"),
    ]
    ratios = tables.selectivity["Music"].set_index(["condition", "seed"])["test_ratio"]
    same = named(parts, "natural and full")
    assert same.equivalence and same.paired
    assert numbers(same) == pytest.approx(list(ratios["natural"] - ratios["full"]))
    assert same.here == pytest.approx(stats.ttest_rel(ratios["natural"], ratios["full"]).pvalue)
    over = named(parts, "full over gabor")
    assert numbers(over) == pytest.approx(list(ratios["full"] - ratios["gabor", 1]))
    assert over.here == pytest.approx(ratios["gabor", 1])


@pytest.mark.parametrize("change", [0.8, -0.8])
def test_another_ratio_with_the_target_in_training_rejects_the_claim(change):
    tables = Tables()
    table = tables.selectivity["Music"]
    table.loc[table["condition"] == "full", "test_ratio"] += change
    whole = verdict_of(tables.parts()).loc["models"]
    assert (whole["verdict"], whole["decided_by"]) == (NOT_SUPPORTED, "natural and full")


# 8 temporal; the effects of segments are in test_claims_segments.py


def test_quilts_of_controls_and_of_the_least_selective_units_are_compared():
    tables = Tables()
    parts = temporal(study(), tables.measured())
    assert [part.name for part in parts if part.needed] == [
        *("rise", "fall", "interaction", "in proportion", "rise over the least selective units"),
        *("rise over untrained", "rise over gabor"),
    ]
    assert named(parts, "rise").here == pytest.approx(0.6)
    assert named(parts, "rise, other sounds").here == pytest.approx(0.3)
    table = tables.quilts["Music"]["natural"]
    rows = table[(table["group"] == "most") & (table["role"] == "target")]
    wide = rows.assign(segment_ms=rows["segment_ms"].fillna(0)).pivot(
        index="seed", columns="segment_ms", values="response"
    )
    assert named(parts, "fall").here == pytest.approx((wide[50] / wide[0]).mean())
    assert named(parts, "fall, longest segments").here == pytest.approx(
        (wide[1600] / wide[0]).mean()
    )


def test_a_control_with_the_same_effect_rejects_the_temporal_claim():
    tables = Tables()
    quilts = tables.quilts["Music"]
    noise = np.random.default_rng(3).normal(0, 0.01, len(quilts["natural"]))
    quilts["untrained"] = quilts["natural"].assign(response=quilts["natural"]["response"] + noise)
    whole = verdict_of(tables.parts()).loc["temporal"]
    assert (whole["verdict"], whole["decided_by"]) == (NOT_SUPPORTED, "rise over untrained")


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
    for name, table in tables.quilts["Music"].items():
        tables.quilts["Music"][name] = table.assign(**damage)
    verdicts = verdict_of(tables.parts())
    assert verdicts.loc["temporal", "verdict"] == UNDETERMINED


# 9 generalisation


def test_short_segments_relative_to_intact_are_compared_with_the_control():
    tables = Tables()
    parts = generalisation(study(), tables.measured())
    assert [part.name for part in parts] == ["at 50 ms", "at 100 ms"]

    def shares(condition, segment_ms):
        table = tables.quilts["Music"][condition]
        rows = table[(table["group"] == "most") & (table["role"] == "target")].set_index("seed")
        intact = rows[rows["segment_ms"].isna()]["response"]
        return rows[rows["segment_ms"] == segment_ms]["response"] / intact

    expected = shares("shuffled", 100) - shares("natural", 100)
    assert numbers(parts[1]) == pytest.approx(list(expected))
    assert parts[1].paired
    assert parts[1].here == pytest.approx(stats.ttest_1samp(expected, 0).pvalue)


def test_a_control_that_has_not_memorised_cannot_support_the_claim():
    tables = Tables()
    shuffled = (
        (tables.recognition["condition"] == "shuffled")
        & (tables.recognition["clips"] == "training")
        & (tables.recognition["seed"] == 3)
        & (tables.recognition["group"] == "natural")
    )
    tables.recognition.loc[shuffled, "mean_average_precision"] = 0.9
    whole = verdict_of(tables.parts()).loc["generalisation"]
    assert whole["verdict"] == UNDETERMINED
    # 30 classes of 0.9 and 10 of 0.99.
    assert "mAP on their training clips from 0.92; 0.95 or more is needed" in whole["reason"]
    # It can still reject the claim.
    quilts = tables.quilts["Music"]
    noise = np.random.default_rng(5).normal(0, 0.005, len(quilts["natural"]))
    quilts["shuffled"] = quilts["natural"].assign(response=quilts["natural"]["response"] + noise)
    assert verdict_of(tables.parts()).loc["generalisation", "verdict"] == NOT_SUPPORTED


# 10 lesion


def test_lesions_are_compared_at_the_fraction_of_the_selective_units():
    tables = Tables()
    parts = lesion(study(), tables.measured())
    of_seed = tables.lesions.query("seed == 3 and group == 'natural' and fraction == 0.125")

    def precision(clips, set_to="zero"):
        rows = of_seed[(of_seed["clips"] == clips) & (of_seed["set_to"] == set_to)]
        means = rows.set_index("lesion")["mean_average_precision"]
        return means.groupby(means.index.str.replace(r"-\d+$", "", regex=True)).mean()

    zero, mean = precision("other"), precision("other", "mean")
    lesions = {
        "random": zero["random"],
        "bottom": zero["bottom"],
        "middle": zero["middle"],
        "norm": zero["norm"],
        "response": zero["matched-response"],
        "drive": zero["matched-drive"],
    }
    for name, other in lesions.items():
        # 0.35 is intact, 0.05 chance.
        expected = (other - zero["top"]) / (0.35 - 0.05)
        assert named(parts, f"top over {name}").values[3] == pytest.approx(expected)
    expected = (mean["matched-drive"] - mean["top"]) / (0.35 - 0.05)
    assert named(parts, "top over drive, at the mean").values[3] == pytest.approx(expected)
    assert [part.name for part in parts if not part.needed] == ["top over random"]
    assert "the 12.5% most selective" in parts[0].compared
    assert {part.n_clips for part in parts} == {260}
    # The article's measure: all clips, and the intact mAP with what chance gives.
    on_all = tables.lesions.query("group == 'natural' and clips == 'all' and set_to == 'zero'")
    on_all = on_all[on_all["fraction"] == 0.125].groupby("lesion")["mean_average_precision"].mean()
    expected = (on_all["bottom"] - on_all["top"]) / 0.35
    assert named(parts, "top over bottom").here == pytest.approx(expected)


def test_a_lesion_no_worse_than_others_rejects_the_claim():
    for null in ("middle", "matched-response", "matched-drive"):
        tables = Tables()
        of_null = tables.lesions["lesion"].str.startswith(null)
        of_null &= tables.lesions["fraction"] == 0.125
        tables.lesions.loc[of_null, "mean_average_precision"] -= 0.3 * 0.5
        whole = verdict_of(tables.parts()).loc["lesion"]
        assert whole["verdict"] == NOT_SUPPORTED
        assert whole["decided_by"].startswith(f"top over {null.removeprefix('matched-')}")


def test_mean_ablation_alone_can_reject_the_claim():
    tables = Tables()
    of_null = (tables.lesions["set_to"] == "mean") & (tables.lesions["lesion"] != "top")
    tables.lesions.loc[of_null, "mean_average_precision"] -= 0.3 * 0.4
    whole = verdict_of(tables.parts()).loc["lesion"]
    assert (whole["verdict"], whole["decided_by"]) == (NOT_SUPPORTED, "top over drive, at the mean")


def test_what_the_lesions_cost_among_clips_with_the_target_does_not_count():
    tables = Tables()
    top = (tables.lesions["lesion"] == "top") & (tables.lesions["clips"] == "other")
    tables.lesions.loc[top, "mean_average_precision"] += 0.3 * 0.2
    assert verdict_of(tables.parts()).loc["lesion", "verdict"] == NOT_SUPPORTED


def test_units_that_are_weaker_than_those_they_match_cannot_support_the_claim():
    tables = Tables()
    weaker = tables.lesions["lesion"].str.startswith("matched-response")
    tables.lesions.loc[weaker, "response"] *= 0.8
    whole = verdict_of(tables.parts()).loc["lesion"]
    assert (whole["verdict"], whole["decided_by"]) == (UNDETERMINED, "top over response")
    assert "have 0.8 times that of the most selective units" in whole["reason"]


def test_lesions_too_large_to_match_leave_the_claim_undetermined():
    tables = Tables()
    matched = tables.lesions["lesion"].str.startswith("matched")
    tables.lesions = tables.lesions[~matched]
    whole = verdict_of(tables.parts()).loc["lesion"]
    assert whole["verdict"] == UNDETERMINED and "leave too few to match" in whole["reason"]


def test_a_network_at_chance_has_no_cost_of_lesions():
    tables = Tables()
    intact = (tables.lesions["lesion"] == "none") & (tables.lesions["seed"] == 2)
    tables.lesions.loc[intact, "mean_average_precision"] = 0.04
    part = named(lesion(study(), tables.measured()), "top over middle")
    assert np.isnan(part.values[2]) and not np.isnan(part.values[3])


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


# 11 emergence


def test_the_last_snapshot_is_compared_with_the_first():
    tables = Tables()
    # The order of the rows does not matter.
    tables.emergence = tables.emergence.sample(frac=1, random_state=1)
    parts = emergence(study(), tables.measured())
    table = tables.emergence.set_index(["epoch", "seed"]).sort_index()
    gain = table.loc[8, "segregation"] - table.loc[0, "segregation"]
    assert named(parts, "segregation").values == pytest.approx(gain.to_dict())
    gain = (table.loc[8, "natural_map"] - table.loc[0, "natural_map"]) / 0.95
    assert named(parts, "recognition").values == pytest.approx(gain.to_dict())
    gain = (table.loc[8, "decoding"] - table.loc[0, "decoding"]) / 0.75
    assert named(parts, "decoding").values == pytest.approx(gain.to_dict())
    assert [part.needed for part in parts] == [True, True, False, False]
    tables.emergence = tables.emergence[tables.emergence["epoch"] == 8]
    row = verdict_of(tables.parts()).loc["emergence"]
    assert row["verdict"] == UNDETERMINED and "must list two or more" in row["reason"]


# 12 speech


def test_networks_without_speech_must_be_selective_and_flatter():
    tables = Tables()
    effect, rise = speech(study(), tables.measured())
    table = tables.selectivity["Music"].set_index(["condition", "seed"])
    assert numbers(effect) == list(table.loc["no-speech", "response_hedges_g"])
    assert effect.here == pytest.approx(table.loc["no-speech", "test_ratio"].mean())
    assert rise.paired and rise.smallest_effect == SMALLEST["temporal"]
    # Networks that are just as steep reject the claim.
    quilts = tables.quilts["Music"]
    noise = np.random.default_rng(4).normal(0, 0.005, len(quilts["natural"]))
    quilts["no-speech"] = quilts["natural"].assign(response=quilts["natural"]["response"] + noise)
    whole = verdict_of(tables.parts()).loc["speech"]
    assert (whole["verdict"], whole["decided_by"]) == (NOT_SUPPORTED, "rise over no-speech")


# 13 specific


def test_other_targets_must_be_less_selective_and_without_an_effect_of_segments():
    tables = Tables()
    parts = specific(study(), tables.measured())
    assert [part.name for part in parts] == [
        *("Speech: less selective", "Speech: no effect of segments"),
        *("Animal: less selective", "Animal: no effect of segments"),
    ]
    first = tables.selectivity["Music"].query("condition == 'natural'").set_index("seed")
    second = tables.selectivity["Speech"].set_index("seed")
    assert parts[0].values == pytest.approx((first["test_ratio"] - second["test_ratio"]).to_dict())
    assert parts[0].here == pytest.approx(second["test_ratio"].mean())
    assert parts[1].equivalence and parts[1].smallest_effect == SMALLEST["temporal"]
    # One of the other targets with the same effect of segments rejects the claim.
    tables.quilts["Animal"]["natural"] = tables.quilts["Music"]["natural"]
    whole = verdict_of(tables.parts()).loc["specific"]
    assert (whole["verdict"], whole["decided_by"]) == (
        NOT_SUPPORTED,
        "Animal: no effect of segments",
    )


# 14 acoustics


def test_decoding_gain_is_the_share_of_the_missing_precision():
    tables = Tables()
    table = tables.decoding["natural"]
    rows = (table["seed"] == 2) & (table["genre"] == "")
    scores = {"all units": 0.9, "units": 0.7, "covariates": 0.6, "units and covariates": 0.9}
    for features, score in scores.items():
        table.loc[rows & (table["features"] == features), "average_precision"] = score
    parts = acoustics(study(), tables.measured())
    assert named(parts, "decoding").values[2] == pytest.approx(0.75)
    assert named(parts, "decoding from units alone").values[2] == pytest.approx(0.25)
    # Where covariates decode perfectly, units cannot add anything.
    table.loc[table["features"] == "covariates", "average_precision"] = 1.0
    assert verdict_of(tables.parts()).loc["acoustics", "verdict"] == UNDETERMINED


def test_an_effect_that_acoustics_explain_rejects_the_claim():
    tables = Tables()
    table = tables.selectivity["Music"]
    table.loc[table["condition"] == "natural", "response_partial_d"] -= 0.8
    whole = verdict_of(tables.parts()).loc["acoustics"]
    assert (whole["verdict"], whole["decided_by"]) == (NOT_SUPPORTED, "residual effect")
    table.loc[0, "response_partial_d"] = np.nan
    assert verdict_of(tables.parts()).loc["acoustics", "verdict"] == UNDETERMINED


def test_an_adjusted_effect_no_larger_than_that_of_a_control_rejects_the_claim():
    tables = Tables()
    table = tables.selectivity["Music"]
    natural = table.loc[table["condition"] == "natural", "response_partial_d"].to_numpy()
    noise = 0.02 * np.random.default_rng(2).standard_normal(len(natural))
    table.loc[table["condition"] == "untrained", "response_partial_d"] = natural + noise
    whole = verdict_of(tables.parts()).loc["acoustics"]
    assert (whole["verdict"], whole["decided_by"]) == (
        NOT_SUPPORTED,
        "residual effect over untrained",
    )
    part = named(acoustics(study(), tables.measured()), "residual effect over untrained")
    assert part.needed and part.smallest_effect == SMALLEST["controls"]
    np.testing.assert_allclose(list(part.values.values()), -noise, rtol=1e-9)


# 15 genres


def test_every_genre_must_lie_above_zero():
    tables = Tables()
    parts = genres(study(), tables.measured())
    assert [part.name for part in parts] == ["most genres", *GENRES]
    assert [part.smallest_effect for part in parts] == [SMALLEST["genres"], 0, 0, 0]
    assert all(part.needed for part in parts)
    jazz = tables.genres["name"] == "Jazz"
    assert numbers(parts[2]) == list(tables.genres.loc[jazz, "hedges_g"])
    assert (parts[0].n_clips, parts[2].n_clips) == (3 * 8 + 240, 8 + 240)
    tables.genres.loc[jazz, "hedges_g"] -= 2
    table = claims_table(tables.parts(), alpha=0.05, min_networks=5).set_index(["claim", "part"])
    verdicts = table.loc["genres", "verdict"]
    assert verdicts["Jazz"] == verdicts[WHOLE] == NOT_SUPPORTED
    assert verdicts["Blues"] == verdicts["Pop music"] == SUPPORTED


def test_most_genres_lie_above_their_mean_less_their_true_deviation():
    tables = Tables(draw=3)
    values = genres(study(), tables.measured())[0].values
    for seed, rows in tables.genres.groupby("seed"):
        g = rows["hedges_g"].tolist()
        mean = sum(g) / 3
        # The error of the three deviations from the mean adds to the squares, 0.05 each.
        squares = sum((value - mean) ** 2 for value in g) - 3 * 0.05**2
        deviation = (max(squares, 0) / 2) ** 0.5
        assert values[seed] == pytest.approx(mean - stats.norm.isf(0.1) * deviation, rel=1e-12)
    # Effects that differ by no more than their error do not differ.
    tables.genres["deviation_error"] = 1.0
    found = genres(study(), tables.measured())[0].values
    means = tables.genres.groupby("seed")["hedges_g"].mean()
    assert list(found.values()) == pytest.approx(list(means), rel=1e-12)


def test_genres_in_few_blocks_are_not_needed():
    tables = Tables()
    jazz = tables.genres["name"] == "Jazz"
    tables.genres.loc[jazz, ["hedges_g", "deviation_error"]] = -1, np.nan
    tables.genres.loc[jazz, "n_blocks"] = 4
    table = claims_table(tables.parts(), alpha=0.05, min_networks=5).set_index(["claim", "part"])
    assert table.loc[("genres", WHOLE), "verdict"] == SUPPORTED
    assert not table.loc[("genres", "Jazz"), "needed"]
    assert "in 4 blocks of sounds; at least 5" in table.loc[("genres", "Jazz"), "reason"]
    # With few clips of most genres, the claim is undetermined.
    tables.genres.loc[tables.genres["name"] == "Blues", "n_blocks"] = 0
    whole = verdict_of(tables.parts()).loc["genres"]
    assert whole["verdict"] == UNDETERMINED
    assert whole["reason"] == "only 1 of 3 genres have enough test clips"


def test_without_genres_the_claim_is_undetermined():
    tables = Tables()
    tables.genres = tables.genres.iloc[:0]
    whole = verdict_of(tables.parts()).loc["genres"]
    assert (whole["verdict"], whole["reason"]) == (UNDETERMINED, "the corpus has no genres")
    # The other claims are still corrected for all claims.
    first = claims_table(tables.parts(), alpha=0.05, min_networks=5).iloc[0]
    assert first["low_confidence"] <= 1 - 0.025 / len(CLAIMS) + 1e-12


def test_random_labels_support_nothing():
    """Labels are random, and responses of all networks to the shared clips are correlated."""
    generator = np.random.default_rng(21)
    runs, supported = 100, 0
    n = {"train": 200, "test": 320}
    tables = Tables((), conditions=("natural", "untrained", "gabor"))
    summary = tables.selectivity["Music"]
    for _ in range(runs):
        label = {split: generator.permutation(np.arange(k) < k // 4) for split, k in n.items()}
        shared = {split: generator.standard_normal((k, 64)) for split, k in n.items()}
        for row in summary.index:
            heard = {
                split: 0.9 * shared[split] + 0.44 * generator.standard_normal((k, 64))
                for split, k in n.items()
            }
            is_target = label["train"]
            t = effects(heard["train"][is_target], heard["train"][~is_target])["welch_t"]
            chosen = t >= np.sort(t)[-8]
            response = heard["test"][:, chosen].mean(axis=1, keepdims=True)
            found = effects(response[label["test"]], response[~label["test"]])
            summary.loc[row, "response_hedges_g"] = found["hedges_g"][0]
        parts = selective(study(), tables.measured())
        supported += verdict_of(parts).loc["selective", "verdict"] == SUPPORTED
    assert stats.binomtest(supported, runs, 0.025, alternative="greater").pvalue > 0.01
