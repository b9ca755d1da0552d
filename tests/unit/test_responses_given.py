"""Responses that another tool computed: every form, and everything that can be wrong with one."""

import pickle
import zipfile

import h5py
import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest

from music_detectors.common.errors import InputError
from music_detectors.common.files import sha256
from music_detectors.common.sealed import read_sealed
from music_detectors.common.tables import write_table
from music_detectors.responses import imports
from music_detectors.responses.files import Layers, read_layers, read_responses
from music_detectors.responses.given import open_given
from music_detectors.responses.imports import import_responses, import_stimulus_responses
from music_detectors.spectrograms.columns import INDEX
from support.given_files import FORMS, write_given
from support.response_files import write_responses

IDS = {"train": ["a", "b", "c", "d"], "test": ["e", "f", "g"]}
UNITS = {"second": 12, "first.0": 3}


def responses(clip_ids, seed=0):
    random = np.random.default_rng(seed)
    return {
        layer: random.normal(size=(len(clip_ids), units)).astype(np.float32)
        for layer, units in UNITS.items()
    }


@pytest.fixture
def files(tmp_path):
    """What a condition needs, with the clips of the files in another order than in the index."""
    return Files(tmp_path)


class Files:
    def __init__(self, folder, form="npz"):
        self.folder, self.form = folder, form
        self.indices, self.values = {}, {}
        for split, ids in IDS.items():
            self.indices[split] = folder / split / "index.tsv"
            rows = {"clip_id": ids, "n_frames": 5, "shard": "00000", "row": range(len(ids))}
            write_table(self.indices[split], pd.DataFrame(rows), INDEX)
            self.write(split)

    def given(self, split):
        return self.folder / f"{split}.{self.form}"

    def output(self, split):
        return self.folder / "out" / f"{split}.h5"

    def write(self, split, values=None, ids=None):
        ids = [*reversed(IDS[split]), "further"] if ids is None else ids
        self.values[split] = responses(ids, len(split)) if values is None else values
        return write_given(self.given(split), ids, self.values[split])

    def run(self, **changes):
        given = [self.given(split) for split in IDS]
        arguments = {
            "files": given,
            "indices": list(self.indices.values()),
            "outputs": [self.output(split) for split in IDS],
            "weights": self.folder / "weights.safetensors",
            "condition": "mine",
            "replicate": 2,
            "needed": {str(path): f"of/{path.stem}" for path in given},
        }
        import_responses(**{**arguments, **changes})

    def run_stimulus(self, stimulus="quilt-50ms"):
        import_stimulus_responses(
            [self.given("test")],
            [self.indices["test"]],
            [self.output("quilts")],
            self.folder / "weights.safetensors",
            condition="mine",
            needed={str(self.given("test")): "of/test"},
            stimuli=[stimulus],
        )


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_read_and_joined_by_clip_ids(tmp_path, form):
    files = Files(tmp_path, form)
    files.run()
    for split, ids in IDS.items():
        assert read_layers(files.output(split)) == Layers(tuple(UNITS), "first.0", None)
        found, values = read_responses(files.output(split))
        assert found == ids
        for layer in UNITS:
            expected = files.values[split][layer][:-1][::-1]
            np.testing.assert_array_equal(values[layer], expected)
    about = read_sealed(tmp_path / "weights.safetensors", "weights")[1]
    assert about["model"] == "responses" and about["replicate"] == 2
    assert about["layers"] == [list(pair) for pair in UNITS.items()]
    assert about["files"] == [sha256(files.given(split)) for split in IDS]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int32])
def test_other_numbers_become_float32(tmp_path, form, kind):
    values = (100 * np.random.default_rng(0).normal(size=(3, 4))).astype(kind)
    path = write_given(tmp_path / f"a.{form}", list("abc"), {"one": values})
    with open_given(path) as given:
        assert given.units == {"one": 4}
        found = given.responses("one")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, values.astype(np.float32))


def test_the_files_of_the_workflow_are_read(tmp_path):
    values = {"avgpool": np.arange(32, dtype=np.float32).reshape(2, 16)}
    write_responses(tmp_path / "a.h5", ["x", "y"], values)
    with open_given(tmp_path / "a.h5") as given:
        assert given.layers == read_layers(tmp_path / "a.h5") and given.stimulus == "original"
        np.testing.assert_array_equal(given.responses("avgpool"), values["avgpool"])


def test_tables_of_pandas_are_read(tmp_path):
    table = pd.DataFrame({"clip_id": ["b", "a"], "out/0": [1.0, 2.0]}, index=[5, 3])
    table.to_parquet(tmp_path / "a.parquet")
    with open_given(tmp_path / "a.parquet") as given:
        assert given.clip_ids == ["b", "a"]
        np.testing.assert_array_equal(given.responses("out"), [[1], [2]])


def test_stimuli_follow_the_network_of_the_clips(files):
    files.run()
    files.run_stimulus()
    _, values = read_responses(files.output("quilts"))
    _, original = read_responses(files.output("test"))
    np.testing.assert_array_equal(values["second"], original["second"])
    with h5py.File(files.output("quilts")) as file:
        assert file.attrs["stimulus"] == b"quilt-50ms"
        digest = sha256(files.folder / "weights.safetensors")
        assert file.attrs["network_digest"] == digest.encode()
    more = {**responses(IDS["test"]), "third": np.ones((3, 2))}
    files.write("test", more, IDS["test"])
    with pytest.raises(InputError, match=r"has the layers second \(12\), first.0 \(3\), third"):
        files.run_stimulus()


def refused(files, *said):
    with pytest.raises(InputError) as error:
        files.run()
    message = str(error.value)
    assert "\n" not in message and len(message) < 700
    for text in said:
        assert text in message, message
    assert not (files.folder / "out" / "test.h5").exists()


def test_all_missing_files_are_told_at_once(files):
    files.given("test").unlink()
    with pytest.raises(InputError) as error:
        files.run(needed={str(files.given("test")): "of/test", "nowhere/quilt.npz": "of/quilt"})
    assert "conditions.mine.files: 2 of the 2 files" in str(error.value)
    listed = f"{files.given('test')} (of of/test), nowhere/quilt.npz (of of/quilt)"
    assert listed in str(error.value) and "snakemake stimuli" in str(error.value)


def test_missing_clips(files):
    files.write("test", ids=["g", "x"])
    refused(files, "test.npz: lacks 2 of the 3 clips", "index.tsv, such as e;")


def test_clips_that_occur_twice(files):
    files.write("test", ids=["e", "f", "e"])
    refused(files, "test.npz", "clip e occurs twice")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_responses_that_are_not_finite(files, value):
    values = {layer: array.astype(np.float64) for layer, array in responses("efg").items()}
    values["second"][1, 3] = value
    files.write("test", values, list("efg"))
    refused(files, "test.npz: the response to clip f is not finite in layer second (1 such")


def test_a_clip_that_is_not_needed_may_be_nan(files):
    values = responses("efgh")
    values["second"][3] = np.nan
    files.write("test", values, list("efgh"))
    files.run()


def test_files_of_different_networks(files):
    files.write("test", {"second": np.ones((3, 11)), "first.0": np.ones((3, 3))}, list("efg"))
    refused(files, "test.npz: has the layers second (11)", "have second (12), first.0 (3)")


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"one": np.ones((3, 2))}, "no array clip_id"),
        ({"clip_id": np.array(["e", "f", "g"])}, "it has no layer"),
        ({"clip_id": np.array([1, 2, 3]), "one": np.ones((3, 2))}, "np.array(ids, dtype=str)"),
        ({"clip_id": np.array(list("efg"), object)}, "np.array(ids, dtype=str)"),
        ({"clip_id": np.array(list("efg")), "one": np.ones(3)}, "one is (3,), and must be (3, u"),
        ({"clip_id": np.array(list("efg")), "one": np.ones((3, 2, 5))}, "averaged over time"),
        ({"clip_id": np.array(list("efg")), "one": np.ones((2, 5))}, "one is (2, 5), and must be"),
        ({"clip_id": np.array(list("efg")), "one": np.ones((3, 0))}, "layer one has no unit"),
        ({"clip_id": np.array(list("efg")), "one": np.ones((3, 2), complex)}, "no real numbers"),
        ({"clip_id": np.array(list("efg")), "one": np.ones((3, 2), object)}, "no real numbers"),
        ({"clip_id": np.array(list("efg")), "a b": np.ones((3, 2))}, "'a b' is no name of a layer"),
    ],
)
def test_archives_of_another_form(files, arrays, says):
    np.savez(files.given("test"), **arrays)
    refused(files, "test.npz: these responses cannot be used (", says, "docs/responses.md")


def test_nothing_is_unpickled(files, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "run"), "w"))

    with zipfile.ZipFile(files.given("test"), "w") as archive:
        for name in ("clip_id.npy", "one.npy"):
            content = pickle.dumps(np.array([Trap()] * 3, dtype=object))
            header = b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }"
            archive.writestr(
                name, b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content
            )
    refused(files, "np.array(ids, dtype=str)")
    assert not (tmp_path / "run").exists()


def test_an_array_larger_than_its_file(files):
    with zipfile.ZipFile(files.given("test"), "w") as archive:
        header = b"{'descr': '<U1', 'fortran_order': False, 'shape': (10000000000,), }"
        archive.writestr(
            "clip_id.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        )
    refused(files, "clip_id is an array (10000000000,)")


@pytest.mark.parametrize("form", FORMS)
def test_files_that_are_not_whole(tmp_path, form):
    files = Files(tmp_path, form)
    content = files.given("test").read_bytes()
    for broken in (b"", content[: len(content) // 2], b"something else"):
        files.given("test").write_bytes(broken)
        refused(files, f"test.{form}: these responses cannot be used (")


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"id": list("efg")}, "it has no column clip_id"),
        ({"clip_id": [1, 2, 3], "one/0": [1.0] * 3}, "something other than texts"),
        ({"clip_id": ["e", None, "g"], "one/0": [1.0] * 3}, "something other than texts"),
        ({"clip_id": list("efg"), "one": [1.0] * 3}, "column one is no unit; call it layer/number"),
        ({"clip_id": list("efg"), "one/a": [1.0] * 3}, "column one/a is no unit"),
        ({"clip_id": list("efg"), "one/1": [1.0] * 3}, "layer one has no column for its unit 0"),
        ({"clip_id": list("efg"), "one": ["x"] * 3}, "column one holds string, no numbers"),
        (
            {"clip_id": list("efg"), "one": [[1.0], [1.0, 2.0], [1.0]]},
            "layer one has 2 units for clip f and 1 for clip e",
        ),
        ({"clip_id": list("efg"), "one": [[1.0], None, [1.0]]}, "0 units for clip f and 1 for cli"),
        ({"clip_id": list("efg"), "one": [[1.0]] * 3, "one/0": [1.0] * 3}, "one is there twice"),
    ],
)
def test_tables_of_another_form(tmp_path, columns, says):
    files = Files(tmp_path, "units.parquet")
    pyarrow.parquet.write_table(pyarrow.table(columns), files.given("test"))
    refused(files, "test.units.parquet: these responses cannot be used (", says)


def test_a_gap_in_a_table_is_no_number(tmp_path):
    files = Files(tmp_path, "units.parquet")
    columns = {"clip_id": list("efg")}
    columns |= {f"second/{unit}": [1, None, 3] for unit in range(12)}
    columns |= {f"first.0/{unit}": [1.0, 2.0, 3.0] for unit in range(3)}
    pyarrow.parquet.write_table(pyarrow.table(columns), files.given("test"))
    refused(files, "the response to clip f is not finite in layer second")


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (lambda file: file.pop("clip_id"), "it has no dataset clip_id"),
        (lambda file: file.attrs.update(layers="second third"), "its layer third is no dataset"),
        (lambda file: file.attrs.update(reported_layer="third"), "reported_layer or output_layer"),
        (lambda file: file.create_group("deep/er"), "its layer deep is no dataset"),
    ],
)
def test_hdf5_of_another_form(tmp_path, write, says):
    files = Files(tmp_path, "h5")
    with h5py.File(files.given("test"), "a") as file:
        del file.attrs["layers"]
        write(file)
    refused(files, "test.h5: these responses cannot be used (", says)


def test_responses_to_another_stimulus(tmp_path):
    files = Files(tmp_path, "h5")
    with h5py.File(files.given("test"), "a") as file:
        file.attrs["stimulus"] = "quilt-50ms"
    refused(files, "test.h5: holds responses to quilt-50ms, not to original")


def test_an_error_of_the_disk_is_not_the_files_fault(files, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(imports, "create_responses", full)
    with pytest.raises(OSError, match="No space left"):
        files.run()
