"""Functions compiled by numba, cached beside their source if that folder is writable."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numba


def compiled(function: Callable | None = None, **options: Any) -> Callable:
    """Return `function` compiled at its first call, and from the kept copy in later processes.

    `options` are numba's, as in `@compiled(fastmath=True)`. If neither the source's `__pycache__`
    nor the user's cache folder is writable, each process compiles again.
    """
    if function is None:
        return partial(compiled, **options)
    if "fastmath" in options:
        # Else the process that compiles it and those that load it add up in different orders, if
        # another compiled function calls it.
        options["forceinline"] = True
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)
