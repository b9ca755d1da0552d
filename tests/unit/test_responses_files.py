import subprocess
import sys

import h5py
import numpy as np
import pytest

from music_detectors.common.errors import InputError
from music_detectors.responses.files import (
    Layers,
    create_responses,
    read_layers,
    read_responses,
)
from support.response_files import LAYERS

UNITS = dict(zip(LAYERS.names, (4, 5, 6, 7, 7, 3), strict=True))


def store(path, clip_ids):
    values = {
        layer: np.arange(len(clip_ids) * units, dtype=np.float32).reshape(-1, units) / 3
        for layer, units in UNITS.items()
    }
    with create_responses(path, clip_ids, UNITS, LAYERS, "digest", "original") as file:
        for layer, array in values.items():
            file[layer][:] = array
    return values


def test_responses_read_back(tmp_path):
    values = store(tmp_path / "a.h5", ["x", "yy", "z"])
    clip_ids, responses = read_responses(tmp_path / "a.h5")
    assert clip_ids == ["x", "yy", "z"]
    assert tuple(responses) == LAYERS.names
    for layer in LAYERS.names:
        np.testing.assert_array_equal(responses[layer], values[layer])
    clip_ids, responses = read_responses(tmp_path / "a.h5", ["fc1"])
    assert list(responses) == ["fc1"]


def test_a_file_names_its_reported_layer_and_its_outputs(tmp_path):
    store(tmp_path / "a.h5", ["x"])
    layers = read_layers(tmp_path / "a.h5")
    assert layers == LAYERS
    assert layers.tested == ("conv1", "conv2", "conv3", "avgpool", "fc1")
    # The configured layer, or the model's own if it has no such layer or it holds the outputs.
    assert [layers.chosen(name) for name in ("fc1", "bands", "fc2")] == [
        "fc1",
        "avgpool",
        "avgpool",
    ]


def test_layers_of_a_model_without_outputs(tmp_path):
    layers = Layers(("bands",), "bands", None)
    with create_responses(tmp_path / "a.h5", ["x"], {"bands": 3}, layers, "d", "o"):
        pass
    assert read_layers(tmp_path / "a.h5") == layers
    assert layers.tested == ("bands",)


def test_a_missing_layer(tmp_path):
    store(tmp_path / "a.h5", ["x"])
    with pytest.raises(
        InputError, match=r"a\.h5: damaged responses \(holds no responses of layer conv9"
    ):
        read_responses(tmp_path / "a.h5", ["conv9"])


def test_a_clip_that_occurs_twice(tmp_path):
    store(tmp_path / "a.h5", ["x", "x"])
    with pytest.raises(InputError, match=r"a\.h5: damaged responses \(a clip occurs twice"):
        read_responses(tmp_path / "a.h5")


def test_rows_that_are_missing(tmp_path):
    store(tmp_path / "a.h5", ["x", "y"])
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file["fc1"]
        file["fc1"] = np.zeros((1, 7), dtype=np.float32)
    with pytest.raises(InputError, match=r"a\.h5: damaged responses \(fc1 has 1 rows for 2 clips"):
        read_responses(tmp_path / "a.h5")


def test_a_block_that_fails_leaves_no_file(tmp_path):
    with (
        pytest.raises(RuntimeError),
        create_responses(tmp_path / "a.h5", ["x"], UNITS, LAYERS, "d", "o"),
    ):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_reading_needs_no_pytorch():
    code = "import sys; import music_detectors.responses.files; sys.exit('torch' in sys.modules)"
    environment = {"PYTHONPATH": ":".join(entry for entry in sys.path if entry)}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0
