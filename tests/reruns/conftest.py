"""Finished results to plan against."""

import pytest

from reruns import corpora


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """What stands for a finished smoke run. Whoever changes files there takes a copy."""
    return corpora.smoke(tmp_path_factory.mktemp("reruns") / "smoke")


@pytest.fixture(scope="session")
def of_source(tmp_path_factory, finished):
    """A finished run of each source of corpora, by its name."""
    made = {"embedded": finished}

    def one(name):
        if name not in made:
            make = getattr(corpora, name)
            made[name] = make(tmp_path_factory.mktemp("reruns") / name)
        return made[name]

    return one
