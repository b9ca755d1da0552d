"""The columns of the status table of a stimulus; docs/quilts.md defines each."""

from collections.abc import Mapping

STIMULUS_STATUS = {"clip_id": str, "status": str, "message": str, "n_samples": int}
"""`spectrograms/{stimulus}/{split}/{shard}.status.tsv`: one row per clip of the audio shard, in its
order.

The columns of the stimulus itself stand before `n_samples`. `status` is OK, SHORT, TOO_SHORT or
SILENT; a clip that is TOO_SHORT or SILENT has no row in the spectrogram shard.
"""

OK = "ok"
"""The sound fills the stretch that is played."""
SHORT = "short"
"""The sound ends before, and zeros follow."""
TOO_SHORT = "too short"
"""The clip is too short for the stimulus."""
SILENT = "silent"
"""The clip has no sound to make the stimulus of."""
NOT_MADE = (TOO_SHORT, SILENT)
"""The statuses of clips without a spectrogram."""


def status_columns(own: Mapping[str, type]) -> dict[str, type]:
    """Return all columns of the table of a stimulus whose own columns are `own`."""
    *first, last = STIMULUS_STATUS.items()
    return dict([*first, *own.items(), last])
