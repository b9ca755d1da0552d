"""Small probe sets in folders and zips, for tests."""

import io
import zipfile
from pathlib import Path

import numpy as np
import soundfile
from scipy import io as matlab

RATE = 22_050
CATEGORIES = {
    "flute": "Music",
    "drum": "Music",
    "ballad": "Song",
    "talk": "Speech",
    "rain": "Nature",
    "wind": "Nature",
}
TARGET = {"Music": ["Music", "Song"], "Speech": ["Speech"]}
COMPONENTS = ["pitch", "music"]


def wav(seed: int, seconds: float = 1.0, rate: int = RATE, level: float = 0.1) -> bytes:
    """Return the bytes of a WAV file of noise with two channels."""
    samples = level * np.random.default_rng(seed).standard_normal((round(seconds * rate), 2))
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def mat(sounds, components=COMPONENTS, seed: int = 0, **others) -> bytes:
    """Return a MATLAB 5 file as the published one: names in cells, and other variables."""
    file = io.BytesIO()
    values = np.random.default_rng(seed).standard_normal((len(sounds), len(components)))
    content = {
        "R": values,
        "stim_names": np.array(list(sounds), dtype=object)[None],
        "component_names": np.array(list(components), dtype=object)[:, None],
        "W": np.zeros((len(components), 3)),
    }
    matlab.savemat(file, content | others, do_compression=True)
    return file.getvalue()


def table(categories=CATEGORIES) -> bytes:
    """Return a table of categories as the published one: commas, no header."""
    return "".join(f"{sound},{category}\n" for sound, category in categories.items()).encode()


def files(**changes) -> dict[str, bytes]:
    """Return the files of a probe set, by path; in `changes`, None leaves a file out."""
    found = {f"wav/{sound}.wav": wav(seed) for seed, sound in enumerate(CATEGORIES)}
    found |= {"categories.csv": table(), "components.mat": mat(CATEGORIES)}
    found |= changes.pop("more", {})
    found |= changes
    return {name: content for name, content in found.items() if content is not None}


def write_folder(folder: Path, content: dict[str, bytes]) -> Path:
    """Write files to `folder`."""
    for name, of_file in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(of_file)
    return folder


def write_zip(path: Path, content: dict[str, bytes]) -> Path:
    """Write files to a zip, below a folder as GitHub does."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, of_file in content.items():
            file.writestr(f"set-main/{name}", of_file)
    return path
