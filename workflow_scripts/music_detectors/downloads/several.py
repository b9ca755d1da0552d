"""Download several files with one progress, and the table of what was downloaded."""

import csv
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from music_detectors.common.files import replacing
from music_detectors.common.progress import progress
from music_detectors.downloads.large import Wanted, download, is_whole, make_read_only

_MB = 10**6


def missing(wanted: Sequence[Wanted], folder: str | os.PathLike) -> list[Wanted]:
    """Return those of the files that `folder` lacks; the others are made read-only.

    Each file that is there is read whole, since its checksum is compared.
    """
    lacking = []
    for one in progress(wanted, len(wanted), f"checking {folder}", "files"):
        if is_whole(one, folder):
            make_read_only(os.path.join(folder, one.path))
        else:
            lacking.append(one)
    return lacking


def download_all(
    wanted: Sequence[Wanted], folder: str | os.PathLike, expected: int, what: str
) -> None:
    """Download the files into `folder`, one by one, as `download` does.

    `expected` is the number of bytes that are to come in all, for the progress of `what`.
    """
    current = ""

    def blocks() -> Iterator[int]:
        nonlocal current
        for one in wanted:
            current = one.path
            yield from download(one, folder)
            logging.info("%s: whole, with its checksum", one.path)

    show_megabytes(blocks(), expected, what, lambda: current)


def show_megabytes(
    blocks: Iterable[int], expected: int, what: str, note: Callable[[], str]
) -> None:
    """Go through `blocks`, numbers of bytes, of `expected` in all, and report the progress."""
    for _ in progress(_megabytes(blocks), expected // _MB, what, "MB", note):
        pass


def _megabytes(blocks: Iterable[int]) -> Iterator[None]:
    got = 0
    for block in blocks:
        got += block
        while got >= _MB:
            got -= _MB
            yield


def write_record(
    table: str | os.PathLike, wanted: Iterable[Wanted], checksum: str, notes: Sequence[str]
) -> None:
    """Write what was downloaded: path, bytes and checksum of each file, and where it is from.

    `checksum` is the name of the column of checksums; `notes` are written above it as comments.
    """
    with replacing(table) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        file.writelines(f"# {note}\n" for note in notes)
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(["file", "bytes", checksum, "address"])
        rows.writerows(
            [one.path, one.size, one.digest, one.url.partition("?")[0]] for one in wanted
        )
