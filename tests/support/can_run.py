"""Tests that only some machines can run."""

import os

import pytest


def needs(condition: bool, reason: str) -> None:
    """Skip the test where `condition` is false; fail it where every test is to run.

    REQUIRE_ALL_TESTS=1, as .ci/run sets it, says that this machine was made fit for every test.
    """
    if condition:
        return
    if os.environ.get("REQUIRE_ALL_TESTS") == "1":
        pytest.fail(f"{reason}, but every test is to run here (REQUIRE_ALL_TESTS=1)")
    pytest.skip(reason)
