"""A finished run to plan against."""

import pytest

from reruns import corpora


@pytest.fixture(scope="session")
def finished():
    """A stand-in for a finished smoke run. Tests that change its files take a copy."""
    return corpora.finished("embedded")
