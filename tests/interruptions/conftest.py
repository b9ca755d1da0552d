"""The undisturbed run, with which the others are compared."""

import shutil

import pytest


@pytest.fixture
def undisturbed(smoke):
    """A folder with the finished smoke run, which tests do not change."""
    return smoke


@pytest.fixture
def part_of(undisturbed):
    """A function that copies some of the undisturbed results, with Snakemake's records of them."""

    def copied(folder, *names):
        metadata = folder / ".snakemake" / "metadata"
        shutil.copytree(undisturbed / ".snakemake" / "metadata", metadata)
        (folder / ".snakemake" / "incomplete").mkdir()
        for name in names:
            for path in (undisturbed / "results" / "smoke").glob(name):
                target = folder / path.relative_to(undisturbed)
                if path.is_dir():
                    shutil.copytree(path, target)
                else:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(path, target)
        return folder

    return copied
