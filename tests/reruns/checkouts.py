"""Copies of the workflow, to edit."""

import shutil
from pathlib import Path

from workflow.snake import ROOT


def checkout(folder: Path, *, compiled: bool = False) -> Path:
    """Copy the workflow to `folder` with new times, like a checkout; returns it.

    With `compiled`, times and what is compiled come along, so that its jobs need not compile.
    """
    folder.mkdir()
    for part in ("Snakefile", "config.yaml"):
        shutil.copyfile(ROOT / part, folder / part)
    for part in ("rules", "workflow_scripts", "schemas", "config", "envs", "report", "profiles"):
        shutil.copytree(
            ROOT / part,
            folder / part,
            copy_function=shutil.copy2 if compiled else shutil.copyfile,
            ignore=None if compiled else shutil.ignore_patterns("__pycache__"),
        )
    return folder
