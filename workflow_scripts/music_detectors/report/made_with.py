"""The versions of the code and of the libraries, the machine, and the metadata of the networks."""

import os
import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import pandas as pd

from music_detectors.common.damage import damaged
from music_detectors.common.kernels import kernels
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
    "matplotlib",
)
_NETWORK_FIELDS = (
    "model",
    "condition",
    "replicate",
    "epoch",
    "training_clips",
    "validation_clips",
    "torch",
    "numpy",
)


def versions() -> dict[str, str]:
    """Return the versions of the workflow, Python and the installed libraries, by name."""
    found = {"this workflow": _revision(), "Python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Return a description of the machine that this process runs on, and of its kernels."""
    what = f"{platform.system()} on {platform.machine()}, {os.cpu_count()} processors"
    return f"{what} ({kernels()})"


def networks(weights: Sequence[str | os.PathLike]) -> pd.DataFrame:
    """Return the metadata of the networks in the `weights` files, one row per file.

    Columns are model, condition, replicate, epoch, training_clips, validation_clips, torch, numpy,
    and kernels and precision, which are empty for networks of earlier versions. Raises InputError,
    naming the file, for one that is damaged.
    """
    return pd.DataFrame([_network_metadata(path) for path in weights])


def _network_metadata(path: str | os.PathLike) -> dict:
    fields = read_sealed(path, "weights")[1]
    try:
        found = {name: fields[name] for name in _NETWORK_FIELDS}
    except KeyError as error:
        raise damaged(path, "weights", f"its metadata lacks {error}") from error
    return found | {name: fields.get(name, "") for name in ("kernels", "precision")}


def _revision() -> str:
    """Return the git commit of the code, if it is under version control."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "not under version control"
    return f"commit {described.stdout.strip()}"
