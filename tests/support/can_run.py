"""Tests that only some machines can run."""

import os

import pytest


def needs(condition: bool, reason: str) -> None:
    """Skip the test if `condition` is false, or fail it if every test must run.

    REQUIRE_ALL_TESTS=1, as set by .ci/run, says that this machine can run every test.
    """
    if condition:
        return
    if os.environ.get("REQUIRE_ALL_TESTS") == "1":
        pytest.fail(f"{reason}, but every test is to run here (REQUIRE_ALL_TESTS=1)")
    pytest.skip(reason)
