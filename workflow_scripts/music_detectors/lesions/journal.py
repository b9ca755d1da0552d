"""What is finished of long lesions, so that a killed job goes on from there."""

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from music_detectors.common.damage import without_advice
from music_detectors.common.errors import InputError
from music_detectors.common.files import drop
from music_detectors.common.hdf5 import create_hdf5, open_hdf5, read_text, write_rows, write_text

_KIND, _SCHEMA_VERSION = "journal of lesions", 1
_SECONDS_BETWEEN_WRITES = 60.0


@dataclass(frozen=True)
class Scores:
    """The average precision of the classes under a lesion.

    `everywhere` and `on_other` (classes,) are those on all clips and on those without the target,
    `blocks` (blocks, natural classes) those without each block, for lesions that need them.
    """

    everywhere: np.ndarray
    on_other: np.ndarray
    blocks: np.ndarray | None


class Journal:
    """The scores of the first lesions of a network, in a file that is written now and then."""

    def __init__(self, path: str | os.PathLike, digest: str) -> None:
        """Read what `path` has, if it is of the same `digest`: of all that the scores follow from.

        A damaged file is removed, and one of another digest is ignored, both with a warning.
        """
        self._path, self._digest = Path(path), digest
        self._written = time.monotonic()
        self.scores: list[Scores] = self._read() if self._path.exists() else []
        if self.scores:
            logging.info("continuing after %d lesions, from %s", len(self.scores), path)

    def add(self, scores: Scores) -> None:
        """Add the scores of the next lesion."""
        self.scores.append(scores)
        if time.monotonic() - self._written >= _SECONDS_BETWEEN_WRITES:
            self._write(self.scores)
            self._written = time.monotonic()

    def remove(self) -> None:
        """Remove the file, which the results make needless."""
        self._path.unlink(missing_ok=True)

    def _write(self, scores: Sequence[Scores]) -> None:
        with create_hdf5(self._path, _KIND, _SCHEMA_VERSION) as file:
            write_text(file, "digest", self._digest)
            write_rows(file, "everywhere", np.stack([each.everywhere for each in scores]))
            write_rows(file, "on_other", np.stack([each.on_other for each in scores]))
            with_blocks = [each.blocks is not None for each in scores]
            write_rows(file, "with_blocks", np.array(with_blocks), chunk=len(scores))
            blocks = [each.blocks for each in scores if each.blocks is not None]
            if blocks:
                write_rows(file, "blocks", np.stack(blocks))

    def _read(self) -> list[Scores]:
        try:
            with open_hdf5(self._path, _KIND, _SCHEMA_VERSION) as file:
                if read_text(file, "digest") != self._digest:
                    logging.warning(
                        "starting from the first lesion: %s belongs to other data or settings",
                        self._path,
                    )
                    return []
                with_blocks = file["with_blocks"][:]
                blocks = iter(file["blocks"][:] if with_blocks.any() else [])
                return [
                    Scores(everywhere, on_other, next(blocks) if has else None)
                    for everywhere, on_other, has in zip(
                        file["everywhere"][:], file["on_other"][:], with_blocks, strict=True
                    )
                ]
        except InputError as error:
            drop(self._path, f"{without_advice(error)}, starting from the first lesion")
            return []
