"""How far a long job is: a bar on a terminal, a line now and then in a log."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

_SECONDS_BETWEEN_LINES = 15.0


def progress(items: Iterable[Item], total: int, what: str, unit: str = "clips") -> Iterator[Item]:
    """Yield `items`, telling how many of `total` are done, how fast, and the time left."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=what, unit=f" {unit}")
        return
    started = last = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            rate = done / (now - started)
            logging.info(
                "%s: %d of %d %s, %.1f a second, %.0f s left",
                what,
                done,
                total,
                unit,
                rate,
                (total - done) / rate,
            )
        yield item
    seconds = time.monotonic() - started
    logging.info("%s: %d %s in %.1f s", what, total, unit, seconds)
