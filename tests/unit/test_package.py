"""The package is importable by itself, and its version is said in one way."""

import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

import music_detectors

ROOT = Path(__file__).parents[2]


def test_modules_import_without_snakemake():
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'workflow_scripts')!r})\n"
        "import music_detectors.stimuli.quilt, music_detectors.claims.assess\n"
        "assert 'snakemake' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd="/")


def test_the_version_is_the_citations_and_the_installed_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (file,) = project["tool"]["setuptools"]["dynamic"]["version"].values()
    assert (ROOT / file).read_text().strip() == music_detectors.__version__
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == music_detectors.__version__
