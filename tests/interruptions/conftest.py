"""The run that was not disturbed, which the others are held against."""

import shutil

import pytest


@pytest.fixture
def undisturbed(smoke):
    """A folder with the smoke configuration, whole; it is left as it is."""
    return smoke


@pytest.fixture
def part_of(undisturbed):
    """A function that copies some of the undisturbed results, and what Snakemake knows of them."""

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
