"""The tables for other programs, and the description of a run for repositories."""

import hashlib
import json
import os
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import yaml
from rocrate.rocrate import ROCrate
from rocrate.vocabs import RO_CRATE

from music_detectors.claims.columns import VERDICTS, WHOLE
from music_detectors.common.errors import InputError
from music_detectors.common.places import without_places
from music_detectors.common.sealed import metadata, sealed
from music_detectors.common.tables import write_table
from music_detectors.corpus.columns import CLASSES
from music_detectors.deposit.__main__ import main
from music_detectors.deposit.columns import (
    DESCRIPTIONS,
    OF_RESPONSES,
    RESPONSE_TABLE,
    UNIT_TABLE,
)
from music_detectors.deposit.crate import EPOCH, describe_run
from music_detectors.deposit.tables import write_tables
from music_detectors.report.made_with import versions
from music_detectors.selectivity.columns import UNITS
from support.response_files import classes, corpus
from support.stored import store

ROOT = Path(__file__).parents[2]
NETWORKS = [("natural", 1), ("untrained", 1)]


def units_table(selective):
    rows = [
        {name: 0 if kind is int else 0.5 for name, kind in UNITS.items()}
        | {"layer": "avgpool", "reported": True, "unit": unit, "selective": unit in selective}
        for unit in range(16)
    ]
    table = pd.DataFrame(rows)
    table.loc[3, "partial_p"] = np.nan
    return table


def tables(files, out="a", classes_file="classes.tsv"):
    for number, selective in enumerate(([3, 4], [5])):
        write_table(files.path(f"units-{number}.tsv"), units_table(selective), UNITS)
    paths = files.path(f"{out}.parquet"), files.path(f"{out}-responses.parquet")
    write_tables(
        [files.path("units-0.tsv"), files.path("units-1.tsv")],
        [files.path("test.h5")] * 2,
        files.path("clips.tsv"),
        files.path(classes_file),
        *paths,
        analysed=[("Music", *network) for network in NETWORKS],
        networks=NETWORKS,
        layer="avgpool",
    )
    return paths


@pytest.mark.parametrize(
    ("columns", "descriptions"), [(UNIT_TABLE, DESCRIPTIONS), (RESPONSE_TABLE, OF_RESPONSES)]
)
def test_each_column_is_described_and_nothing_else(columns, descriptions):
    assert set(descriptions) == set(columns)


def test_units_are_those_of_the_tables(tmp_path):
    files = corpus(tmp_path).write()
    table = pyarrow.parquet.read_table(tables(files)[0])
    for name, kind in UNIT_TABLE.items():
        field = table.schema.field(name)
        assert field.metadata == {b"description": DESCRIPTIONS[name].encode()}
        assert str(field.type) == {str: "string", int: "int64", float: "double", bool: "bool"}[kind]
    read = table.to_pandas()
    assert list(read["condition"].unique()) == ["natural", "untrained"]
    for (condition, _), selective in zip(NETWORKS, ([3, 4], [5]), strict=True):
        of_network = read[read["condition"] == condition].reset_index(drop=True)
        pd.testing.assert_frame_equal(
            of_network[list(UNITS)], units_table(selective)[list(UNITS)], check_dtype=False
        )
    assert table["partial_p"].null_count == 2


def test_responses_are_means_over_the_clips_of_a_class(tmp_path):
    files = corpus(tmp_path).write()
    read = pyarrow.parquet.read_table(tables(files)[1]).to_pandas()
    assert len(read) == 2 * 16 * len(classes())
    order = files.order("test")
    clips = files.of_split("test").iloc[order]
    responses = files.responses["test"]["avgpool"][order].astype(np.float64)
    rows = read[(read["condition"] == "untrained") & (read["unit"] == 5)].set_index("mid")
    assert list(rows["class"]) == list(classes()["name"])
    for mid, row in rows.iterrows():
        heard = responses[clips["labels"].str.split(";").map(lambda mids, mid=mid: mid in mids), 5]
        assert row["n_clips"] == len(heard)
        if len(heard):
            assert row["response"] == pytest.approx(heard.mean(), rel=1e-12)
            assert row["response_sd"] == pytest.approx(heard.std(ddof=1), rel=1e-12)
    assert rows.loc["/m/owl", "n_clips"] == 0 and np.isnan(rows.loc["/m/owl", "response"])


def test_the_same_tables_give_the_same_bytes(tmp_path):
    files = corpus(tmp_path).write()
    one, other = tables(files), tables(files, "b")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def test_a_label_that_is_no_class_is_refused(tmp_path):
    files = corpus(tmp_path).write()
    known = classes()
    write_table(files.path("few.tsv"), known[known["mid"] != "/m/rain"], CLASSES)
    with pytest.raises(InputError, match=r"clips.tsv.*/m/rain.*no class"):
        tables(files, classes_file="few.tsv")


def weights(path, condition):
    about = {"model": "kim2024", "condition": condition, "replicate": 1, "epoch": 7}
    about |= {"training_clips": 3, "validation_clips": 1, "torch": "2.11.0", "numpy": "2.4.6"}
    header = json.dumps({"__metadata__": metadata(about, path)}).encode()
    path.parent.mkdir(parents=True)
    path.write_bytes(sealed(len(header).to_bytes(8, "little") + header + b"tensors"))
    return path


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Describe a small run; settings replace those of the configuration."""
    monkeypatch.delenv(EPOCH, raising=False)
    root = tmp_path / "home" / "jane.doe" / "results" / "mine"
    values = {str: "", int: 1, float: 0.5, bool: True}
    row = {name: values[kind] for name, kind in VERDICTS.items()}
    row |= {"part": WHOLE, "verdict": "present"}
    claims = pd.DataFrame([row | {"claim": claim} for claim in ("apart", "genres")])
    write_table(root / "claims/claims.tsv", claims, VERDICTS)
    (root / "figures").mkdir()
    store(root / "figures/a figure.png", b"PNG")
    networks = [weights(root / "networks" / name / "weights.safetensors", name) for name in "ab"]
    (root / "report.html").write_text("page")
    files = [root / "claims/claims.tsv", root / "figures/a figure.png", *networks]
    for path in files:
        os.utime(path, (1_700_000_000, 1_700_000_000))
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["corpus"]["name"] = "mine"

    def described(**settings):
        for key, value in settings.items():
            section, name = key.split("__")
            config[section][name] = value
        describe_run(
            files,
            root / "claims/claims.tsv",
            networks,
            root / "report.html",
            root / "configuration.json",
            root / "ro-crate-metadata.json",
            config=config,
        )
        return root

    return described


def test_each_file_is_described_with_its_size_and_checksum(run):
    root = run()
    crate = ROCrate(root)
    described = {entity.id: entity for entity in crate.data_entities}
    assert "report.html" in described and "sha256" not in described["report.html"]
    names = [name for name in described if name != "report.html"]
    assert len(names) == 5
    for name in names:
        content = (root / name.replace("%20", " ")).read_bytes()
        assert described[name]["sha256"] == hashlib.sha256(content).hexdigest()
        assert described[name]["contentSize"] == str(len(content))
    (action,) = [entity for entity in crate.get_entities() if entity.type == "CreateAction"]
    assert {one.id for one in action["result"]} | {"configuration.json"} == set(described)
    assert [one.id for one in action["object"]] == ["configuration.json"]
    assert action["instrument"]["softwareVersion"] == versions()["this workflow"]
    claims = {one["name"]: one["value"] for one in crate.get_by_type("PropertyValue")}
    assert claims == {"Apart from other sounds": "present", "In every genre": "present"}


def test_it_is_whole_and_of_known_terms(run):
    """As the specification wants it: every reference is to an entity, every term in the context."""
    graph = json.loads((run() / "ro-crate-metadata.json").read_text())["@graph"]
    known = set(RO_CRATE["@context"]) | {"@id", "@type", "sha256"}
    assert {key for entity in graph for key in entity} <= known
    kinds = {kind for entity in graph for kind in [entity["@type"]]}
    assert kinds <= known
    identifiers = [entity["@id"] for entity in graph]
    assert len(set(identifiers)) == len(identifiers)
    references = {
        one["@id"]
        for entity in graph
        for value in entity.values()
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, dict)
    }
    assert references - set(identifiers) == {"https://w3id.org/ro/crate/1.1"}
    root = next(entity for entity in graph if entity["@id"] == "./")
    assert {"name", "description", "datePublished", "hasPart"} <= set(root)


def test_the_same_results_give_the_same_bytes_and_the_date_is_that_of_the_newest(run, monkeypatch):
    first = (run() / "ro-crate-metadata.json").read_bytes()
    assert (run() / "ro-crate-metadata.json").read_bytes() == first
    day = datetime.fromtimestamp(1_700_000_000, UTC).date().isoformat()
    assert f'"datePublished": "{day}"'.encode() in first
    monkeypatch.setenv(EPOCH, "86400")
    assert b'"datePublished": "1970-01-02"' in (run() / "ro-crate-metadata.json").read_bytes()
    monkeypatch.setenv(EPOCH, "yesterday")
    with pytest.raises(InputError, match="SOURCE_DATE_EPOCH is 'yesterday'"):
        run()


def test_no_folder_or_user_of_this_machine_is_in_it(run):
    root = run(
        audio__folder="/home/jane.doe/sounds",
        corpus__manifest={"path": "../jane.doe/manifest.tsv", "test_fraction": 0.3},
        corpus__withheld_clips="~/jane.doe.txt",
    )
    for name in ("configuration.json", "ro-crate-metadata.json"):
        text = (root / name).read_text()
        # The last part of a path is its own.
        assert not re.search(r"/home|jane\.doe(?!\.txt)", text), name
    settings = json.loads((root / "configuration.json").read_text())
    assert settings["audio"]["folder"] == "sounds"
    assert settings["corpus"]["manifest"]["path"] == "manifest.tsv"


def test_only_places_elsewhere_are_cut():
    kept = ["data/esc50.csv", "/m/04rlf", "https://a.org/b/c.zip", "rock/pop", "{split}/a", "a"]
    assert without_places(kept) == kept
    assert without_places({"a": ["/data/x/", "C:\\Users\\jane\\x", 3, None]}) == {
        "a": ["x", "x", 3, None]
    }


def test_a_licence_is_named_where_one_is_given(run):
    assert ROCrate(run()).license is None
    address = "https://creativecommons.org/licenses/by/4.0/"
    assert ROCrate(run(deposit__licence=address)).license.id == address


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_a_missing_or_damaged_file_is_refused(run, harm):
    path = run() / "figures/a figure.png"
    path.unlink() if harm == "missing" else path.write_bytes(b"GNP")
    with pytest.raises(InputError, match=re.escape(str(path))):
        run()


def test_what_is_listed_is_packed(run, capsys):
    root = run()
    (root / "audio").mkdir()
    (root / "audio" / "sound.h5").write_bytes(b"of others")
    assert main([str(root)]) == 0
    assert "mine.zip: 7 files" in capsys.readouterr().out
    with zipfile.ZipFile(root.with_suffix(".zip")) as packed:
        names = {name.removeprefix("mine/") for name in packed.namelist()}
        assert packed.read("mine/figures/a figure.png") == b"PNG"
    listed = {one.id.replace("%20", " ") for one in ROCrate(root).data_entities}
    assert names == listed | {"ro-crate-metadata.json"}


def test_what_is_not_as_described_is_not_packed(run, capsys):
    root = run()
    (root / "figures/a figure.png").write_bytes(b"another")
    assert main([str(root)]) == 1
    assert "a figure.png: not as" in capsys.readouterr().err
    assert main([str(root / "figures")]) == 1
    assert "not there; a whole run" in capsys.readouterr().err
    assert main([]) == 2
    text = (root / "ro-crate-metadata.json").read_text()
    (root / "ro-crate-metadata.json").write_text(text.replace("report.html", "../../secret"))
    assert main([str(root)]) == 1
    assert "outside" in capsys.readouterr().err
    assert not root.with_suffix(".zip").exists()
