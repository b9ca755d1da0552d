"""Compare the results of two runs byte for byte."""

from pathlib import Path

# These contain durations of jobs, or the day.
OF_THE_CLOCK = (
    "logs/",
    "benchmarks/",
    "report.html",
    "ro-crate-metadata.json",
    ".ro-crate-metadata.json.sha256",
)


def differing(one, other):
    """The files (relative paths, sorted) that one of two result folders lacks or that differ."""
    files = {path for folder in (one, other) for path in _files(Path(folder))}
    return sorted(path for path in files if not _same(Path(one) / path, Path(other) / path))


def _files(folder):
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(OF_THE_CLOCK):
            yield name


def _same(one, other):
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()
