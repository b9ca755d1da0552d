import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from music_detectors.common.errors import InputError
from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.weights import (
    initial_network,
    read_network,
    read_snapshots,
    read_tensors,
    write_snapshots,
    write_tensors,
)

ABOUT = {"model": "kim2024", "classes": 4, "condition": "natural", "epoch": 3, "score": 0.1}


@pytest.fixture
def network():
    network = initial_network(Kim2024(), 4, seed=1)
    network(torch.randn(3, 64, 125, generator=torch.Generator().manual_seed(1)))
    return network


@pytest.fixture
def path(tmp_path, network):
    write_tensors(tmp_path / "weights.safetensors", network.state_dict(), ABOUT)
    return tmp_path / "weights.safetensors"


def test_a_network_reads_back_in_evaluation_mode(path, network):
    found, about = read_network(path, Kim2024(), "kim2024")
    assert about == ABOUT
    assert not found.training
    assert found.state_dict().keys() == network.state_dict().keys()
    for name, value in network.state_dict().items():
        assert torch.equal(found.state_dict()[name], value)
    assert found.conv2.weight.is_contiguous(memory_format=torch.channels_last)


def test_the_same_content_gives_the_same_bytes(path, network, tmp_path):
    for number in range(3):
        write_tensors(tmp_path / str(number), network.state_dict(), dict(reversed(ABOUT.items())))
        assert (tmp_path / str(number)).read_bytes() == path.read_bytes()


def test_other_programs_can_read_it(path):
    with safe_open(path, framework="np") as file:
        assert json.loads(file.metadata()["about"])["condition"] == "natural"
        assert file.get_tensor("conv1.weight").shape == (32, 1, 5, 5)


def test_snapshots_read_back_by_epoch(tmp_path, network):
    path, later = tmp_path / "snapshots.safetensors", initial_network(Kim2024(), 4, seed=2)
    write_snapshots(path, {0: network.state_dict(), 10: later.state_dict()}, ABOUT)
    found, about = read_snapshots(path, Kim2024(), "kim2024")
    assert list(found) == about["epochs"] == [0, 10] and about["condition"] == "natural"
    for stored, read in zip((network, later), found.values(), strict=True):
        assert not read.training
        for name, value in stored.state_dict().items():
            assert torch.equal(read.state_dict()[name], value)
    write_snapshots(path, {1: {"a": torch.zeros(3)}}, ABOUT)
    with pytest.raises(InputError, match=r"snapshots\.safetensors: damaged snapshots .of another"):
        read_snapshots(path, Kim2024(), "kim2024")


@pytest.mark.parametrize("place", [4, 50, -1, -100_000])
def test_a_changed_byte_is_found(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"weights\.safetensors: damaged .*rebuild it"):
        read_network(path, Kim2024(), "kim2024")


@pytest.mark.parametrize("length", [0, 7, 200, -1])
def test_a_truncated_file(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"weights\.safetensors: damaged"):
        read_tensors(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"none: missing"):
        read_tensors(tmp_path / "none")


def test_a_file_of_something_else(tmp_path, network):
    save_file({"a": torch.zeros(3)}, tmp_path / "other")
    with pytest.raises(InputError, match="other: damaged"):
        read_network(tmp_path / "other", Kim2024(), "kim2024")
    write_tensors(tmp_path / "other", {"a": torch.zeros(3)}, ABOUT)
    with pytest.raises(InputError, match=r"other: damaged weights .of another network"):
        read_network(tmp_path / "other", Kim2024(), "kim2024")
    write_tensors(tmp_path / "other", network.state_dict(), {**ABOUT, "classes": 5})
    with pytest.raises(InputError, match=r"other: damaged weights .of another network"):
        read_network(tmp_path / "other", Kim2024(), "kim2024")
    write_tensors(tmp_path / "other", network.state_dict(), {})
    with pytest.raises(InputError, match=r"other: damaged weights .of the model None, not kim2024"):
        read_network(tmp_path / "other", Kim2024(), "kim2024")
