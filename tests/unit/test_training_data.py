from itertools import pairwise

import h5py
import numpy as np
import pytest
import torch

from music_detectors.common.errors import InputError
from music_detectors.spectrograms.log_mel import PARAMETERS
from music_detectors.spectrograms.shard import write_spectrogram_shard
from music_detectors.training import data
from music_detectors.training.data import open_spectrograms
from support.networks_corpus import make_corpus

CPU = torch.device("cpu")
PLAN = [torch.tensor([3, 0, 21]), torch.tensor([10]), torch.tensor([9, 8, 7, 6])]


@pytest.fixture
def corpus(tmp_path):
    return make_corpus(tmp_path)


def opened(corpus, memory_mb, rows=slice(None)):
    return open_spectrograms(corpus.index, corpus.index_table.iloc[rows], memory_mb, CPU)


@pytest.mark.parametrize("memory_mb", [0, 100])
def test_batches_contain_the_requested_clips(corpus, memory_mb):
    store, shard = opened(corpus, memory_mb)
    assert (shard.shape, shard.parameters) == ((64, 125), PARAMETERS)
    batches = list(store.batches(PLAN))
    assert [batch.dtype for batch in batches] == [torch.float16] * 3
    for clips, batch in zip(PLAN, batches, strict=True):
        np.testing.assert_array_equal(batch.numpy(), corpus.log_mel[clips.numpy()])
        np.testing.assert_array_equal(store.batch(clips).numpy(), corpus.log_mel[clips.numpy()])
    assert list(store.batches([])) == []


@pytest.mark.parametrize("memory_mb", [0, 100])
def test_clips_are_numbered_as_chosen(corpus, memory_mb):
    store, _ = opened(corpus, memory_mb, rows=[2, 5, 11, 12, 23])
    np.testing.assert_array_equal(
        store.batch(torch.tensor([4, 0, 2])).numpy(), corpus.log_mel[[23, 2, 11]]
    )


def test_spectrograms_are_held_in_memory_if_they_fit(corpus):
    size = corpus.log_mel.nbytes / 1e6
    assert isinstance(opened(corpus, size + 0.001)[0], data._Resident)
    assert isinstance(opened(corpus, size - 0.001)[0], data._Streamed)


def test_more_shards_than_open_files_are_allowed(corpus, monkeypatch):
    monkeypatch.setattr(data, "_OPEN_FILES", 1)
    # With more, two may find the same file open.
    monkeypatch.setattr(data, "_READERS", 1)
    store, _ = opened(corpus, 0)
    opens = []
    original = h5py.File
    monkeypatch.setattr(h5py, "File", lambda *a, **k: opens.append(a[0]) or original(*a, **k))
    np.testing.assert_array_equal(
        store.batch(torch.tensor([0, 12, 1, 13])).numpy(), corpus.log_mel[[0, 12, 1, 13]]
    )
    assert len(opens) == 4
    assert all(first != second for first, second in pairwise(opens))


def test_a_batch_is_read_ahead(corpus, monkeypatch):
    store, _ = opened(corpus, 0)
    read = []
    original = store._read
    monkeypatch.setattr(store, "_read", lambda clips: read.append(1) or original(clips))
    batches = store.batches(PLAN)
    next(batches)
    # The first batch is in use, the second is being read.
    store_reads = len(read)
    list(batches)
    assert store_reads <= 2 and len(read) == 3


def damage(path, clip):
    """Change a byte of the spectrogram in row `clip`; its checksum no longer matches."""
    with h5py.File(path, "r") as file:
        place = file["log_mel"].id.get_chunk_info_by_coord((clip, 0, 0)).byte_offset
    with open(path, "r+b") as content:
        content.seek(place + 100)
        byte = content.read(1)[0]
        content.seek(place + 100)
        content.write(bytes([byte ^ 255]))


@pytest.mark.parametrize("memory_mb", [0, 100])
def test_a_damaged_spectrogram_names_its_shard(corpus, memory_mb):
    damage(corpus.index.parent / "00001.h5", 4)
    with pytest.raises(InputError, match=r"00001\.h5: damaged .*rebuild it: rm -r"):
        store, _ = opened(corpus, memory_mb)
        list(store.batches([torch.arange(24)]))


def test_an_index_that_does_not_fit(corpus):
    corpus.index_table.loc[3, "row"] = 0
    with pytest.raises(
        InputError, match=r"00000\.h5: clip train-003 is not where .*rm -r .*index\.tsv"
    ):
        opened(corpus, 100)
    corpus.index_table.loc[3, "row"] = 999
    with pytest.raises(InputError, match="train-003 is not where"):
        opened(corpus, 100)


def test_shards_of_different_lengths(corpus):
    write_spectrogram_shard(
        corpus.index.parent / "00001.h5",
        np.zeros((10, 64, 130)),
        np.full(10, 130),
        np.zeros((10, 3), dtype=bool),
        [f"train-{clip:03d}" for clip in range(19, 9, -1)],
        "original",
        PARAMETERS,
    )
    with pytest.raises(InputError, match=r"00001\.h5: .*130.* but .*125.* in .*00000\.h5"):
        opened(corpus, 100)


def test_a_missing_shard(corpus):
    (corpus.index.parent / "00002.h5").unlink()
    with pytest.raises(InputError, match=r"00002\.h5: missing"):
        opened(corpus, 100)
