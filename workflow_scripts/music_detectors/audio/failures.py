"""The three kinds of failure that a source can raise from `read`.

`Unusable` is a final answer about the clip. `Retryable` may pass: the shard asks again later, after
other clips, and after the configured number of attempts the clip is `failed_retryable`. `Systemic`
is no clip's fault: the shard stops at once with exit code 75, the clip stays pending, and the next
run continues there.
"""

from music_detectors.common.errors import ComeBackLater, one_line

FAILED_RETRYABLE = "failed_retryable"
"""The status of a clip whose configured attempts all failed in a retryable way."""


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
