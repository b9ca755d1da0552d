"""The columns of the quilts' tables; docs/quilts.md defines each."""

QUILT_STATUS = {
    "clip_id": str,
    "status": str,
    "message": str,
    "n_segments": int,
    "first_segment": int,
    "gain_db": float,
    "n_samples": int,
}
"""{shard}.status.tsv: one row for every clip of the audio shard, in its order.

`status` is one of OK, SHORT and TOO_SHORT; a clip that is TOO_SHORT has no row in the spectrogram
shard, and an empty `gain_db`.
"""

OK = "ok"
"""The sound fills the stretch that is compared."""
SHORT = "short"
"""The sound ends before, and zeros follow."""
TOO_SHORT = "too short"
"""The clip does not hold two segments."""
