"""Time variants of a computation in turn, so that noise affects all of them equally."""

import os
import platform
import time
from collections.abc import Callable, Mapping
from statistics import median


def alternate(variants: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each variant over `rounds`, after one warm-up call.

    Every round calls each variant once, in turn.
    """
    for call in variants.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, call in variants.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return {name: median(values) for name, values in seconds.items()}


def report(title: str, seconds: Mapping[str, float], reference: str) -> None:
    """Print the time of each variant and its speed relative to `reference`."""
    print(f"\n{title}  ({platform.machine()}, {os.cpu_count()} cores)")
    for name, value in seconds.items():
        print(f"  {name:<44} {value * 1e3:12.2f} ms   {seconds[reference] / value:8.2f} x")
