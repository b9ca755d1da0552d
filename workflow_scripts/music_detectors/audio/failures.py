"""The three kinds of failure that a source can raise.

`Unusable` is a final answer about the clip. `Retryable` may pass: the shard asks again later, after
other clips, and after the configured number of attempts the clip is `failed_retryable`. `Systemic`
is no clip's fault: the shard stops at once with exit code 75, the clip stays pending, and the next
run continues there.
"""

import errno
import gzip
import logging
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from music_detectors.common.errors import ComeBackLater, one_line

FAILED_RETRYABLE = "failed_retryable"
"""The status of a clip whose configured attempts all failed in a retryable way."""


# What libraries raise about the content of one file; other errors are not the clip's fault.
_DECODER_ERRORS = (RuntimeError, ValueError, OSError, EOFError, zlib.error, gzip.BadGzipFile)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Unusable(Exception):
    """A clip that is not available; its status, reason and message go into the status table."""

    def __init__(self, status: str, reason: str, message: str) -> None:
        """Store the `status`, a fixed `reason` that can be counted, and details."""
        super().__init__(status, reason, message)
        self.status = status
        self.reason = reason
        self.message = one_line(message)


class Retryable(Exception):
    """A clip that may be available later."""

    def __init__(
        self,
        reason: str,
        message: str,
        retry_after: float | None = None,
        at_last: "Unusable | Systemic | None" = None,
    ) -> None:
        """Store a fixed `reason` that can be counted, and details.

        `retry_after` is the number of seconds that the server asks to wait, or None. After the last
        attempt, `at_last` is used instead of the status `failed_retryable`.
        """
        super().__init__(reason, message)
        self.reason = reason
        self.message = one_line(message)
        self.retry_after = retry_after
        self.at_last = at_last
        self.source = ""


class Systemic(ComeBackLater):
    """A failure that would affect other clips too: an outage, a block, a full disk."""

    def __init__(self, reason: str, message: str, advice: str) -> None:
        """Store a fixed `reason`, details, and what the user can do."""
        self.reason = reason
        self.message = one_line(message)
        self.advice = advice
        super().__init__(f"{reason}: {self.message}; {advice}")


@contextmanager
def disk_trouble(path: str | os.PathLike) -> Iterator[None]:
    """Turn an OSError in the block into Systemic, which names `path`: it is no clip's fault."""
    try:
        yield
    except OSError as error:
        raise Systemic(
            "cannot be written",
            f"{path}: {error.strerror or one_line(error)}",
            "make room or repair the disk, then run again",
        ) from error


@contextmanager
def decoder_trouble(clip_id: str) -> Iterator[None]:
    """Turn what a library raises about a clip into Unusable, and a full disk into Systemic."""
    try:
        yield
    except _DECODER_ERRORS as error:
        if getattr(error, "errno", None) in _DISK_FULL:
            with disk_trouble(getattr(error, "filename", None) or "the disk"):
                raise
        logging.warning("clip %s: the decoder failed", clip_id, exc_info=True)
        message = f"{type(error).__name__}: {error}"
        raise Unusable("unavailable", "decoder failed", message) from error
