"""The tables of claims, written from the tables of the analyses."""

import dataclasses

import pandas as pd
import pytest

from music_detectors.claims import assess
from music_detectors.claims.assess import TablePaths, assess_claims, not_learnt
from music_detectors.claims.columns import (
    CLAIMS,
    ESTIMATES,
    PRESENT,
    SUPPORTED,
    UNDETERMINED,
    VERDICTS,
    WHOLE,
)
from music_detectors.claims.statements import TITLES, statements
from music_detectors.common.errors import InputError
from music_detectors.common.files import sha256
from music_detectors.common.tables import read_table
from music_detectors.jackknife.columns import BLOCKS
from music_detectors.quilts.columns import QUILT_CORRELATION
from support import claim_tables
from support.claim_tables import Tables, blocks, each_table, stacked, study


def paths(folder, measured, left_out):
    """Write the tables of `measured`; return their paths."""

    def write(name, table, columns):
        columns = {"block": int, **columns} if left_out else columns
        return claim_tables.write(folder / f"{name}.tsv", table, columns)

    def each(name, tables, columns):
        if isinstance(tables, dict):
            return {key: each(f"{name}-{key}", table, columns) for key, table in tables.items()}
        path = write(name, tables, columns)
        return path if name in ("recognition", "genres") else [path]

    found = {
        name: each(name, getattr(measured, name), columns)
        for name, columns in assess._COLUMNS.items()
    }
    found["quilts"] = {
        (target, condition): path
        for target, of_target in found["quilts"].items()
        for condition, path in of_target.items()
    }
    return TablePaths(**found)


def written(folder, tables, without=None):
    """Write `tables` as the analyses do; return the arguments of `assess_claims`.

    `without` are the Tables without each block.
    """
    without = without or [tables, tables]
    left_out = each_table(stacked, *(one.measured() for one in without))
    return {
        "tables": paths(folder, tables.measured(), left_out=False),
        "left_out": paths(folder / "left_out", left_out, left_out=True),
        "correlation": claim_tables.write(
            folder / "correlation.tsv", tables.correlation, QUILT_CORRELATION
        ),
        "blocks": claim_tables.write(folder / "blocks.tsv", blocks(len(without)), BLOCKS),
        "claims": folder / "claims.tsv",
        "values": folder / "estimates.tsv",
        "study": study(),
        "layer": "avgpool",
        "sounds": "groups",
        "alpha": 0.05,
        "min_networks": 5,
    }


def assessed(folder, tables, without=None, **more):
    assess_claims(**written(folder, tables, without) | more)
    return read_table(folder / "claims.tsv", VERDICTS)


def test_the_tables_hold_every_claim_and_network(tmp_path):
    table = assessed(tmp_path, Tables())
    whole = table[table["part"] == WHOLE]
    assert list(whole["claim"]) == list(CLAIMS)
    assert set(whole["verdict"]) == {SUPPORTED}
    values = read_table(tmp_path / "estimates.tsv", ESTIMATES)
    for row in table[table["part"] != WHOLE].itertuples():
        of_part = values[(values["claim"] == row.claim) & (values["part"] == row.part)]
        # A fixed model by itself has one value.
        seeds = [1] if row.part.endswith(" in gabor") else [1, 2, 3, 4, 5]
        assert sorted(of_part["seed"]) == seeds
        assert of_part["estimate"].mean() == pytest.approx(row.estimate)
        assert row.compared and row.unit
    # A claim's row repeats the numbers of the part that decided.
    for row in whole.itertuples():
        (part,) = table[
            (table["claim"] == row.claim) & (table["part"] == row.decided_by)
        ].itertuples()
        ends = (part.estimate, part.low, part.high)
        assert ends == pytest.approx((row.estimate, row.low, row.high), nan_ok=True)


def test_left_out_values_are_those_of_each_block_by_itself():
    """Claims of all blocks are computed at once, so no network may touch another's value."""
    without = [Tables(draw=10 + block, spread=0.3) for block in range(3)]
    parts = Tables().parts(without=without)
    for block, tables in enumerate(without):
        alone = {(part.claim, part.name): part.values for part in tables.parts()}
        assert {(part.claim, part.name) for part in parts} == set(alone)
        for part in parts:
            expected = alone[part.claim, part.name]
            assert part.left_out[block] == pytest.approx(expected, nan_ok=True), part.name
            assert set(part.left_out[block]) == set(part.values)


def test_the_same_tables_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        assessed(tmp_path / name, Tables())
    for table in ("claims.tsv", "estimates.tsv"):
        assert sha256(tmp_path / "a" / table) == sha256(tmp_path / "b" / table)


def test_with_two_seeds_or_one_every_part_is_undetermined(tmp_path):
    for seeds in (1, 2):
        table = assessed(tmp_path / str(seeds), Tables(seeds=seeds))
        assert set(table.loc[table["needed"], "verdict"]) == {UNDETERMINED}
        assert (table.loc[table["needed"], "reason"] != "").all()


def test_only_the_reported_layer_counts(tmp_path):
    tables = Tables()
    summary = tables.selectivity["Music"]
    other = summary.assign(layer="conv1", reported=False, response_hedges_g=99.0)
    before = assessed(tmp_path / "before", tables)
    tables.selectivity["Music"] = pd.concat([other, summary], ignore_index=True)
    assert assessed(tmp_path / "after", tables).equals(before)
    # A model without the configured layer has one of its own that it reports.
    assert assessed(tmp_path / "own", tables, layer="bands").equals(before)


def test_a_summary_without_the_condition_of_the_claims_is_refused(tmp_path):
    tables = Tables()
    summary = tables.selectivity["Speech"]
    tables.selectivity["Speech"] = summary.assign(condition="full")
    with pytest.raises(InputError, match=r"Speech\.tsv: damaged table \(has no row of layer avgp"):
        assessed(tmp_path, tables)


def test_networks_that_did_not_learn_are_named_and_left_out_beside(tmp_path):
    tables = Tables(seeds=6)
    tables.recognition["learnt"] = "yes"
    alike = assessed(tmp_path / "all", tables)
    assert set(alike["verdict_without"]) == {""}
    of_seed = (tables.recognition["condition"] == "full") & (tables.recognition["seed"] == 6)
    tables.recognition.loc[of_seed, "learnt"] = "no"
    # What claims do not compare does not count.
    tables.recognition.loc[of_seed.index[-1], ["condition", "learnt"]] = ["another", "no"]
    tables.selectivity["Music"].loc[lambda t: t["seed"] == 6, "response_hedges_g"] = -9.0
    whole = assessed(tmp_path / "one", tables)
    whole = whole[whole["part"] == WHOLE].set_index("claim")
    assert whole.loc["selective", "verdict"] == UNDETERMINED
    assert whole.loc["selective", "verdict_without"] == PRESENT
    assert whole.loc["selective", "reason"].endswith(
        "without the networks that did not learn (full 6): present"
    )


def test_a_missing_table_is_named(tmp_path):
    inputs = written(tmp_path, Tables())
    inputs["tables"].lesions[0].unlink()
    with pytest.raises(InputError, match=r"lesions\.tsv: missing"):
        assess_claims(**inputs)


def test_claims_are_assessed_without_the_other_conditions(tmp_path):
    table = assessed(tmp_path, Tables(conditions=("natural",))).set_index(["claim", "part"])
    assert table.loc[("selective", WHOLE), "verdict"] == UNDETERMINED
    assert table.loc[("lesion", WHOLE), "verdict"] == SUPPORTED
    assert table.loc[("apart", "segregation over shuffled"), "n_networks"] == 0


def test_every_claim_has_a_statement():
    texts = statements("Bird song", "natural", never_heard=True)
    assert list(texts) == list(TITLES) == list(CLAIMS)
    assert all(text.endswith(".") and text.count(". ") <= 1 for text in texts.values())
    assert "which have never heard Bird song" in texts["apart"]
    assert "never" not in statements("Bird song", "full", never_heard=False)["apart"]


@pytest.mark.parametrize(
    ("sounds", "said"),
    [
        ("groups", "all target test clips come from one recording"),
        ("classes", "all target test clips are of one class"),
    ],
)
def test_where_the_target_is_one_draw_every_part_about_clips_is_undetermined(
    tmp_path, sounds, said
):
    inputs = written(tmp_path, Tables())
    one = blocks(2).assign(block=0)
    one.loc[one["role"] == "target", "draw"] = "the same"
    claim_tables.write(inputs["blocks"], one, BLOCKS)
    left_out = each_table(lambda table: table.assign(block=0).iloc[:0], Tables().measured())
    ratios = each_table(stacked, *[Tables().measured()] * 3)
    left_out = dataclasses.replace(
        left_out, ratios=ratios.ratios, categories=ratios.categories, components=ratios.components
    )
    inputs["left_out"] = paths(tmp_path / "left_out", left_out, left_out=True)
    assess_claims(**inputs | {"sounds": sounds})
    table = read_table(tmp_path / "claims.tsv", VERDICTS)
    whole = table[table["part"] == WHOLE].set_index("claim")
    # The sounds of the probe set are others, and can be left out.
    assert whole.loc["probe", "verdict"] == SUPPORTED
    whole = whole.drop("probe")
    assert set(whole["verdict"]) == {UNDETERMINED}
    assert set(whole["reason"]) == {f"{said}, so the error over sounds is unknown"}


def test_networks_that_did_not_learn_are_those_of_the_compared_conditions():
    rows = [("natural", 3, "no"), ("natural", 3, "no"), ("natural", 1, "yes"), ("full", 2, "no")]
    rows += [("untrained", 1, "not trained"), ("elsewhere", 5, "no")]
    recognition = pd.DataFrame(rows, columns=["condition", "seed", "learnt"])
    assert not_learnt(study(), recognition) == [("natural", 3), ("full", 2)]


def test_the_verdict_is_given_without_networks_that_did_not_learn(tmp_path):
    tables = Tables()
    recognition = tables.recognition
    failed = (recognition["condition"] == "natural") & (recognition["seed"] == 2)
    tables.recognition = recognition.assign(learnt=recognition["learnt"].where(~failed, "no"))
    found = assessed(tmp_path, tables)
    # Without one of five networks there are fewer than claims.min_networks.
    whole = found[found["part"] == WHOLE]
    assert set(whole["verdict_without"]) == {UNDETERMINED}
    assert whole["reason"].str.contains("did not learn (natural 2)", regex=False).any()
