"""Settings of all tests: property tests draw the same examples every time, however slow it is."""

import pytest
from hypothesis import settings

from workflow.snake import preset, snakemake

settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """The folder of a finished run of the smoke configuration, which tests leave as it is."""
    place = tmp_path_factory.mktemp("smoke")
    ended = snakemake(place, *preset("smoke"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "figures  results/smoke/figures" in ended.stdout
    return place
