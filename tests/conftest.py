"""Settings of all tests: property tests draw the same examples every time, however slow it is."""

import pytest
from hypothesis import settings

from workflow.snake import preset, snakemake

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory):
    """A folder in which the smoke configuration has run, whole. Whoever changes it takes a copy."""
    folder = tmp_path_factory.mktemp("smoke")
    ended = snakemake(folder, *preset("smoke"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "figures  results/smoke/figures" in ended.stdout
    return folder
