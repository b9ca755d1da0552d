"""Finished results to plan against."""

import pytest

from reruns import corpora


@pytest.fixture(scope="session")
def finished():
    """What stands for a finished smoke run. Whoever changes files there takes a copy."""
    return corpora.finished("embedded")
