"""Settings of all tests, and the finished run that many of them begin with."""

import pytest
from hypothesis import settings

from workflow.snake import preset, snakemake

# Property tests draw the same examples every time, however slow it is.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """A folder in which the smoke configuration was run whole; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("smoke")
    ended = snakemake(folder, *preset("smoke"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "figures  results/smoke/figures" in ended.stdout
    return folder
