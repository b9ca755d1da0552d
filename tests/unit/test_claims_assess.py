"""The tables of claims, written from the tables of the analyses."""

import numpy as np
import pytest

from music_detectors.claims.assess import assess_claims
from music_detectors.claims.columns import (
    CLAIMS,
    ESTIMATES,
    SUPPORTED,
    UNDETERMINED,
    VERDICTS,
    WHOLE,
)
from music_detectors.claims.statements import TITLES, statements
from music_detectors.common.errors import InputError
from music_detectors.common.files import sha256
from music_detectors.common.tables import read_table
from music_detectors.decoding.columns import DECODING
from music_detectors.embedding.columns import SEGREGATION
from music_detectors.genres.columns import GENRES
from music_detectors.lesions.columns import LESIONS
from music_detectors.quilts.columns import QUILT_RESPONSES
from music_detectors.recognition.columns import RECOGNITION_SUMMARY
from music_detectors.selectivity.columns import UNITS
from support import claim_tables
from support.claim_tables import CONDITIONS, Tables, study


def written(folder, tables, conditions=CONDITIONS):
    """Write `tables` as the analyses do; return the arguments of `assess_claims`."""
    networks = [(condition, seed) for condition in conditions for seed in tables.seeds]

    def write(name, table, columns):
        return claim_tables.write(folder / f"{name}.tsv", table, columns)

    units = []
    for condition, seed in networks:
        table = tables.units[condition]

        table = table[table["seed"] == seed].drop(columns="seed")
        units.append(write(f"units-{condition}-{seed}", table, UNITS))
    return {
        "segregation": [
            write(f"segregation-{name}", tables.segregation[name], SEGREGATION)
            for name in conditions
        ],
        "units": units,
        "recognition": write("recognition", tables.recognition, RECOGNITION_SUMMARY),
        "genres": write("genres", tables.genres, GENRES),
        "quilts": [
            write(f"quilts-{name}", tables.quilts[name], QUILT_RESPONSES) for name in conditions
        ],
        "decoding": write("decoding", tables.decoding, DECODING),
        "lesions": write("lesions", tables.lesions, LESIONS),
        "claims": folder / "claims.tsv",
        "values": folder / "estimates.tsv",
        "study": study(),
        "conditions": conditions,
        "networks": networks,
        "layer": "avgpool",
        "alpha": 0.05,
        "min_networks": 5,
    }


def assessed(folder, tables, **more):
    assess_claims(**written(folder, tables) | more)
    return read_table(folder / "claims.tsv", VERDICTS)


def test_the_tables_hold_every_claim_and_network(tmp_path):
    table = assessed(tmp_path, Tables())
    whole = table[table["part"] == WHOLE]
    assert list(whole["claim"]) == list(CLAIMS) and set(whole["verdict"]) == {SUPPORTED}
    values = read_table(tmp_path / "estimates.tsv", ESTIMATES)
    for row in table[table["part"] != WHOLE].itertuples():
        of_part = values[(values["claim"] == row.claim) & (values["part"] == row.part)]
        assert sorted(of_part["seed"]) == [1, 2, 3, 4, 5]
        assert of_part["estimate"].mean() == pytest.approx(row.estimate)
        assert row.compared and row.unit
    # A claim's row repeats the numbers of the part that decided.
    for row in whole.itertuples():
        (part,) = table[
            (table["claim"] == row.claim) & (table["part"] == row.decided_by)
        ].itertuples()
        assert (part.estimate, part.low, part.high) == (row.estimate, row.low, row.high)


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
    inputs = written(tmp_path, tables)
    strange = tables.units["natural"].query("seed == 1").assign(layer="conv1", test_hedges_g=99.0)
    both = np.concatenate([strange.index, strange.index])
    path = inputs["units"][0]
    table = read_table(path, UNITS)
    doubled = table.loc[both].reset_index(drop=True)
    first = slice(None, len(strange) - 1)
    doubled.loc[first, ["layer", "reported", "test_hedges_g"]] = ["conv1", False, 99.0]
    claim_tables.write(path, doubled, UNITS)
    before = assessed(tmp_path / "again", Tables())
    assess_claims(**inputs)
    assert read_table(tmp_path / "claims.tsv", VERDICTS).equals(before)
    # A model without the configured layer has one of its own that it reports.
    assess_claims(**inputs | {"layer": "bands"})
    assert read_table(tmp_path / "claims.tsv", VERDICTS).equals(before)


def test_a_missing_table_is_named(tmp_path):
    inputs = written(tmp_path, Tables())
    inputs["lesions"].unlink()
    with pytest.raises(InputError, match=r"lesions\.tsv: missing"):
        assess_claims(**inputs)


def test_claims_are_assessed_without_the_controls(tmp_path):
    tables = Tables(conditions=("natural",))
    assess_claims(**written(tmp_path, tables, ("natural",)))
    table = read_table(tmp_path / "claims.tsv", VERDICTS).set_index(["claim", "part"])
    assert table.loc[("selective", WHOLE), "verdict"] == UNDETERMINED
    assert table.loc[("apart", WHOLE), "verdict"] == SUPPORTED
    assert table.loc[("apart", "segregation over shuffled"), "n_networks"] == 0


def test_every_claim_has_a_statement():
    texts = statements("Bird song", "natural", never_heard=True)
    assert list(texts) == list(TITLES) == list(CLAIMS)
    assert "which have never heard Bird song" in texts["apart"]
    assert "never" not in statements("Bird song", "full", never_heard=False)["apart"]
