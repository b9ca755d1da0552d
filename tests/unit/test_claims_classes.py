"""Parts of claims about held-out classes, random classes, and other branches that are withheld."""

import numpy as np
import pytest

from music_detectors.claims.columns import UNDETERMINED
from music_detectors.claims.estimates.classes import (
    apart_by_classes,
    novelty,
    selective_by_classes,
)
from music_detectors.claims.inference import claims_table
from support.claim_tables import FIXED, Tables, study


def named(parts):
    return {part.name: part for part in parts}


def changed(**columns):
    """Return made-up tables, with `columns` changed in all tables of sets of classes."""
    tables = Tables()
    tables.specificity = {
        name: table.assign(**columns) for name, table in tables.specificity.items()
    }
    return tables


def of_target(table):
    return table[table["withheld_by"] == ""].set_index("seed")


def test_estimates_are_those_of_the_target_alone():
    tables = Tables()
    own = of_target(tables.specificity["natural"])
    selective = named(selective_by_classes(study(), tables.measured()))
    apart = named(apart_by_classes(study(), tables.measured()))
    expected = {
        "held-out classes": own["held_out"],
        "over random classes": own["effect"] - own["random_effect"],
        "decoding of held-out classes": own["decoding"],
        "segregation over random classes": own["segregation"] - own["random_segregation"],
    }
    for name, values in expected.items():
        part = (selective | apart)[name]
        assert part.values == pytest.approx(values.to_dict())
        assert part.needed
        assert not part.fault
        assert part.n_clips == 320
    untrained = of_target(tables.specificity["untrained"])
    part = selective["held-out classes over untrained"]
    assert part.values == pytest.approx((own["held_out"] - untrained["held_out"]).to_dict())
    assert not part.needed
    assert selective["over random classes"].rank_p == 0.002
    assert apart["segregation over random classes"].rank_p == 0.002
    assert selective["held-out classes"].rank_p is None
    in_control = selective["over random classes in untrained"]
    assert in_control.values == pytest.approx(
        (untrained["effect"] - untrained["random_effect"]).to_dict()
    )
    assert in_control.rank_p == 0.4
    assert not in_control.needed


def test_few_classes_leave_random_sets_for_comparison():
    tables = changed(n_classes=19).measured()
    for parts, name in (
        (selective_by_classes(study(), tables), "over random classes"),
        (apart_by_classes(study(), tables), "segregation over random classes"),
    ):
        part = named(parts)[name]
        assert not part.needed
        assert "19 classes, and random sets of classes need at least 20" in part.fault
    assert named(selective_by_classes(study(), tables))["held-out classes"].needed


def test_too_few_sets_for_alpha_are_a_fault():
    tables = changed(n_sets=12, random_effect=np.nan).measured()
    part = named(selective_by_classes(study(), tables))["over random classes"]
    assert part.needed
    assert "only 12 other sets" in part.fault
    row = claims_table([part], alpha=0.05, min_networks=5).set_index("part").loc[part.name]
    assert row["verdict"] == UNDETERMINED
    assert row["reason"] == part.fault


def test_a_target_of_one_class_says_that_recordings_are_held_out():
    tables = changed(target_by="groups").measured()
    part = named(selective_by_classes(study(), tables))["held-out classes"]
    assert "the recordings of Music, which has one class, and of the other classes" in part.compared
    assert part.needed
    assert not part.fault


def test_without_folds_nothing_can_be_held_out():
    tables = changed(folds=0, held_out=np.nan, decoding=np.nan).measured()
    parts = named(selective_by_classes(study(), tables)) | named(apart_by_classes(study(), tables))
    for name in ("held-out classes", "decoding of held-out classes"):
        assert "too few classes" in parts[name].fault


def test_novelty_is_the_gain_of_the_target_minus_that_of_the_other_branch():
    tables = Tables()
    measured = tables.specificity
    parts = named(novelty(study(), tables.measured()))
    part = parts["novelty over no-things"]

    def effect(condition, withheld_by):
        rows = measured[condition]
        return rows[rows["withheld_by"] == withheld_by].set_index("seed")["effect"]

    gain = effect("natural", "") - effect("untrained", "")
    other = effect("no-things", "no-things") - effect("untrained", "no-things")
    assert part.values == pytest.approx((gain - other).to_dict())
    assert part.needed
    assert part.paired
    assert not part.fault
    heard = parts["not heard over heard: no-things"]
    expected = effect("no-things", "no-things") - effect("natural", "no-things")
    assert heard.values == pytest.approx(expected.to_dict())
    assert not heard.needed


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"withheld_others": ()}, "claims.compared.withheld_others names no condition"),
        ({"withheld_others": ("no-birds",)}, "condition no-birds was not run"),
        ({"controls": FIXED}, "claims.compared.controls names no condition of networks"),
        ({"controls": ("fresh",)}, "condition fresh was not run"),
    ],
)
def test_what_novelty_needs_is_named(how, says):
    part = novelty(study(**how), Tables().measured())[0]
    assert part.needed
    assert says in part.fault
    assert not part.values


def test_a_branch_that_gains_as_much_speaks_against_the_target():
    tables = Tables(true=("selective",))
    part = named(novelty(study(), tables.measured()))["novelty over no-things"]
    # Both gain one SD; networks vary by 0.1 in each of four terms.
    assert abs(np.mean(list(part.values.values()))) < 4 * 0.2 / np.sqrt(5)
