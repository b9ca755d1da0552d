"""What the workflow's scripts share, one package per stage; and functions for notebooks.

These are imported when they are asked for, since scripts import this too, most without PyTorch:
`from music_detectors import unit_responses, unit_statistics, sound_quilts, lesion_scores`.
"""

from importlib import import_module
from pathlib import Path

# In a file of its own: rules run again when this module changes, and not for a new version.
__version__ = Path(__file__).with_name("VERSION").read_text().strip()

_FOR_NOTEBOOKS = {
    "unit_responses": "units",
    "unit_statistics": "units",
    "sound_quilts": "sounds",
    "sound_covariates": "sounds",
    "lesion_scores": "lesions",
}
__all__ = [*_FOR_NOTEBOOKS, "__version__"]


def __getattr__(name: str) -> object:
    if name not in _FOR_NOTEBOOKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.notebook.{_FOR_NOTEBOOKS[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_FOR_NOTEBOOKS})
