"""Functions compiled by numba, cached beside their source if that folder is writable."""

from collections.abc import Callable

import numba


def compiled(function: Callable) -> Callable:
    """Return `function` compiled at its first call, and from the kept copy in later processes.

    If neither the source's `__pycache__` nor the user's cache folder is writable, each process
    compiles again.
    """
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:
        return numba.njit(function)
