"""Progress of a long job: a bar on a terminal, a line now and then in a log."""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

_SECONDS_BETWEEN_LINES = 15.0


def progress(
    items: Iterable[Item],
    total: int,
    what: str,
    unit: str = "clips",
    note: Callable[[], str] | None = None,
) -> Iterator[Item]:
    """Yield `items` and report how many of `total` are done, how fast, and the time left.

    The text that `note` returns, if given, is added.
    """
    if sys.stderr.isatty():
        with tqdm(total=total, desc=what, unit=f" {unit}") as bar:
            for item in items:
                yield item
                if note is not None:
                    bar.set_postfix_str(note(), refresh=False)
                bar.update()
        return
    started = last = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if done and now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            rate = done / (now - started)
            logging.info(
                "%s: %d of %d %s, %.1f a second, %.0f s left%s",
                what,
                done,
                total,
                unit,
                rate,
                (total - done) / rate,
                f" ({note()})" if note is not None else "",
            )
        yield item
    seconds = time.monotonic() - started
    logging.info("%s: %d %s in %.1f s", what, total, unit, seconds)


def counted(counts: Mapping[str, int]) -> str:
    """Return the counts of statuses as a text, the largest first."""
    by_count = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count}" for name, count in by_count)
