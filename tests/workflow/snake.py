"""Run Snakemake on the workflow like a user, in a folder of its own."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
LEFT_OUT = dict.fromkeys(["full", "no-speech", "gabor", "pca"])
"""Conditions that tests of other things leave out, to save time: each is null."""
ONE_NETWORK = {
    "targets": [],
    "networks": {"seeds": 1},
    "conditions": {
        "natural": {
            "withhold": ["Music", "Singing"],
            "labels": "given",
            "epochs": 1,
            "snapshots": [0, 1],
        },
        "shuffled": None,
        "untrained": None,
        **LEFT_OUT,
    },
}
"""The sections of a configuration that trains one network, for one epoch, for one target."""


def command(folder, *arguments, profile=ROOT / "profiles" / "default", root=ROOT):
    """The command line that runs the workflow of the checkout `root` in `folder`."""
    return [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(root / "Snakefile"),
        "--directory",
        str(folder),
        "--workflow-profile",
        str(profile),
        *map(str, arguments),
    ]


def snakemake(folder, *arguments, cores=2, root=ROOT):
    """Run the workflow of the checkout `root`; returns the finished process with its output as
    text."""
    return subprocess.run(
        command(folder, "--cores", cores, *arguments, root=root),
        capture_output=True,
        text=True,
        timeout=1200,
    )


def planned(folder, *arguments, root=ROOT):
    """The number of jobs that a dry run plans, by rule."""
    ended = snakemake(folder, "--dry-run", "--quiet", "rules", *arguments, root=root)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    jobs = Counter(re.findall(r"^(?:local)?rule (\w+):", ended.stdout + ended.stderr, re.M))
    if not jobs:
        table = re.findall(r"^(\w+)\s+(\d+)$", ended.stdout + ended.stderr, re.M)
        jobs = Counter({name: int(n) for name, n in table if name != "total"})
    return jobs


def executed(said):
    """The rules whose jobs succeeded in a run with the output `said`, in the order of their
    ends."""
    return re.findall(r"^ *\d+/\d+  (\w+)", said, re.M)


def preset(name):
    """The arguments that add a preset to the default configuration."""
    return ["--configfile", ROOT / "config" / f"{name}.yaml"]


def written(path, configuration):
    """Write `configuration` to `path` as YAML; returns the path."""
    path.write_text(yaml.safe_dump(configuration))
    return path
