"""A finished run to plan against."""

import pytest

from reruns import corpora


@pytest.fixture(scope="session")
def finished():
    """A stand-in for a finished smoke run of three conditions. Tests that change it take a copy."""
    return corpora.finished("embedded")
