"""The three ways in which a clip can fail to be had; they decide what the shard does next.

A source raises one of these from `read`. `Unusable` is an answer about the clip, and final.
`Retryable` may go better in a while: the shard asks again later, other clips first, and after the
configured attempts the clip stands as `failed_retryable`. `Systemic` is no clip's fault: the shard
stops at once with exit code 75, the clip stays pending, and the next run goes on there.
"""

from music_detectors.common.errors import ComeBackLater, one_line

FAILED_RETRYABLE = "failed_retryable"
"""The status of a clip that failed retryably as often as is configured."""


class Unusable(Exception):
    """A clip that cannot be had, as a row of the status table tells it."""

    def __init__(self, status: str, reason: str, message: str) -> None:
        """Store the `status`, a fixed `reason` that can be counted, and what was seen."""
        super().__init__(status, reason, message)
        self.status = status
        self.reason = reason
        self.message = one_line(message)


class Retryable(Exception):
    """A clip that could not be had this time."""

    def __init__(
        self,
        reason: str,
        message: str,
        retry_after: float | None = None,
        at_last: "Unusable | Systemic | None" = None,
    ) -> None:
        """Store a fixed `reason` that can be counted, and what was seen.

        `retry_after` is the number of seconds that the other side asks to wait, None where it does
        not say. `at_last` is raised in place of `failed_retryable` when all attempts are used up.
        """
        super().__init__(reason, message)
        self.reason = reason
        self.message = one_line(message)
        self.retry_after = retry_after
        self.at_last = at_last
        self.source = ""


class Systemic(ComeBackLater):
    """Trouble that other clips would meet as well: an outage, a block, a full disk."""

    def __init__(self, reason: str, message: str, advice: str) -> None:
        """Store a fixed `reason`, what was seen, and what the user can do."""
        self.reason = reason
        self.message = one_line(message)
        self.advice = advice
        super().__init__(f"{reason}: {self.message}; {advice}")
