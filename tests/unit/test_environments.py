"""The conda environments have the versions of the lock, and all that their scripts import."""

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml

from music_detectors.configuration.code import modules_of

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow_scripts"
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
# Import names of packages, if they differ.
IMPORTED_AS = {
    "ffmpeg": "ffmpeg-python",
    "huggingface_hub": "huggingface-hub",
    "imageio_ffmpeg": "imageio-ffmpeg",
    "yt_dlp": "yt-dlp",
    "yt_dlp_ejs": "yt-dlp-ejs",
    "sklearn": "scikit-learn",
}


def locked():
    """Package to version, as in the lock; sounds and networks depend on the versions.

    So each has one version for all Pythons.
    """
    versions = {}
    for line in (ROOT / "envs" / "requirements.lock").read_text().splitlines():
        match = re.match(r"([a-z0-9.-]+)==(\S+)(?: ; .*)? \\$", line)
        if match:
            assert match[1] not in versions, f"{match[1]} is locked more than once"
            versions[match[1]] = match[2]
    return versions


def pinned(environment):
    dependencies = yaml.safe_load(environment.read_text())["dependencies"]
    (packages,) = (entry["pip"] for entry in dependencies if isinstance(entry, dict))
    return dict(package.split("==") for package in packages)


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_versions_equal_the_lock(environment):
    versions = locked()
    for package, version in pinned(environment).items():
        assert versions[package] == version


def scripts_by_environment():
    used = {}
    for path in (ROOT / "rules").glob("*.smk"):
        for text in re.split(r"^ *rule\b", path.read_text(), flags=re.M)[1:]:
            environment = re.search(r"envs/(\w+)\.yaml", text)
            script = re.search(r"workflow_scripts/(\w+\.py)", text)
            if script:
                used.setdefault(environment[1], []).append(script[1])
    return used


def test_every_environment_is_used():
    assert set(scripts_by_environment()) == {path.stem for path in ENVIRONMENTS}


def scripts_that_compute_models():
    """Scripts that load a model by its name, in environments with PyTorch."""
    find = SCRIPTS / "music_detectors" / "models" / "find.py"
    used = scripts_by_environment()
    scripts = [*used["networks"], *used["lesions"]]
    return [script for script in scripts if find in modules_of(SCRIPTS / script)]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_has_all_that_its_scripts_import_and_no_more(environment):
    needed = set()
    # Modules that are imported by a name that only the job knows.
    package = SCRIPTS / "music_detectors"
    by_name = {
        "plot_figure.py": (package / "figures").glob("*.py"),
        "compute_spectrograms.py": [
            *(package / "stimuli").glob("*.py"),
            *(package / "inputs").glob("*.py"),
        ],
        "compute_probe_spectrograms.py": (package / "inputs").glob("*.py"),
        "cut_excerpts.py": (package / "stimuli").glob("*.py"),
        **{
            script: sorted((package / "models").glob("*.py"))
            for script in scripts_that_compute_models()
        },
    }
    for script in scripts_by_environment()[environment.stem]:
        for path in modules_of(SCRIPTS / script, *by_name.get(script, [])):
            for node in ast.walk(ast.parse(path.read_text())):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module]
                needed |= {name.split(".")[0] for name in names}
    # Only type checkers have _typeshed.
    needed -= set(sys.stdlib_module_names) | {"music_detectors", "snakemake", "_typeshed"}
    assert {IMPORTED_AS.get(name, name) for name in needed} == set(pinned(environment))


def test_the_lock_covers_every_requirement():
    listed = {
        re.split(r"[=<>]", line)[0]
        for line in (ROOT / "envs" / "requirements.in").read_text().splitlines()
        if line and not line.startswith("#")
    }
    assert {"snakemake", "torch", "h5py"} <= listed <= set(locked())
