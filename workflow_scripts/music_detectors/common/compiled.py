"""Functions compiled by numba, kept beside their source where that can be written to."""

from collections.abc import Callable

import numba


def compiled(function: Callable) -> Callable:
    """Return `function` compiled at its first call, and from the kept copy in later processes.

    Where neither the source's `__pycache__` nor the user's cache folder can be written to, each
    process compiles anew.
    """
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:
        return numba.njit(function)
