"""Time loading spectrograms into memory, compared with the HDF5 library's reading."""

import tempfile
from pathlib import Path
from unittest.mock import patch

import h5py
import numpy as np
import torch

from music_detectors.common import chunks
from music_detectors.gpu_check.corpus import generate
from music_detectors.spectrograms.shard import read_index
from music_detectors.training.data import open_spectrograms
from timing import alternate, report

CLIPS, CLASSES = 2048, 10
READERS = chunks._READERS


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        corpus = generate(Path(folder), CLIPS, CLASSES)
        index = read_index(corpus.index)

        def by_the_library() -> torch.Tensor:
            """Return the spectrograms, each checked by the library and then put in its place."""
            loaded = torch.empty((CLIPS, 64, 802), dtype=torch.float16)
            for name, rows in index.groupby("shard"):
                with h5py.File(Path(folder) / f"{name}.h5", "r", locking=False) as file:
                    values = torch.from_numpy(file["log_mel"][:])
                loaded[torch.from_numpy(rows.index.to_numpy(copy=True))] = values
            return loaded

        def by_threads(readers: int) -> torch.Tensor:
            with patch.object(chunks, "_READERS", readers):
                spectrograms, _ = open_spectrograms(
                    corpus.index, index, 10_000, torch.device("cpu")
                )
            return spectrograms.batch(torch.arange(0, CLIPS, 100))

        np.testing.assert_array_equal(by_threads(4), by_the_library()[::100])
        variants = {"the HDF5 library": by_the_library}
        for readers in (1, 2, 4):
            name = f"this workflow, {readers} threads" + " (as it is)" * (readers == READERS)
            variants[name] = lambda readers=readers: by_threads(readers)
        title = f"loading {CLIPS:,} clips of 10 s from files that the system has in memory"
        report(title, alternate(variants, rounds=5), "the HDF5 library")


if __name__ == "__main__":
    main()
