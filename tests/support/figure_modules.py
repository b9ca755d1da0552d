"""Which modules of the package `figures` draw a figure; the others help these."""

from pathlib import Path

from music_detectors import figures

DRAWN = tuple(
    sorted(
        path
        for path in Path(figures.__file__).parent.glob("*.py")
        if f"def plot_{path.stem}(" in path.read_text()
    )
)
"""Paths of the modules that draw; each has the function `plot_<module>`."""
