"""What the results were made with: the versions of the code and of the libraries, the networks."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import pandas as pd

from music_detectors.common.damage import damaged
from music_detectors.common.sealed import read_sealed

_LIBRARIES = (
    "snakemake",
    "numpy",
    "scipy",
    "pandas",
    "statsmodels",
    "scikit-learn",
    "numba",
    "h5py",
    "soundfile",
    "soxr",
    "ffmpeg-python",
    "yt-dlp",
    "torch",
    "torchaudio",
    "matplotlib",
)
_ABOUT = ("condition", "replicate", "epoch", "training_clips", "validation_clips", "torch", "numpy")


def versions() -> dict[str, str]:
    """Return name to version: of the workflow, Python and those libraries that are installed."""
    found = {"this workflow": _revision(), "Python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Return in words the machine that this process runs on."""
    return f"{platform.system()} on {platform.machine()}, {os.cpu_count()} processors"


def networks(weights: Sequence[str | os.PathLike]) -> pd.DataFrame:
    """Return what each of the `weights` files says of its network, a row each.

    Columns are condition, replicate, epoch, training_clips, validation_clips, torch and numpy.
    Raises InputError, naming the file, for one that is damaged.
    """
    return pd.DataFrame([_about(path) for path in weights], columns=list(_ABOUT))


def _about(path: str | os.PathLike) -> dict:
    """Return what the file of a network says of it."""
    about = read_sealed(path, "weights")[1]
    try:
        return {name: about[name] for name in _ABOUT}
    except KeyError as error:
        raise damaged(path, "weights", f"it does not tell {error}") from error


def _revision() -> str:
    """Return the commit of the folder that the code lies in, as far as git knows it."""
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "not under version control"
    return f"commit {told.stdout.strip()}"
