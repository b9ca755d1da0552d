"""The columns of the acoustic tables; docs/acoustics.md defines each."""

ACOUSTICS = {
    "clip_id": str,
    "duration_seconds": float,
    "level_db": float,
    "level_sd_db": float,
    "centroid_hz": float,
    "bandwidth_hz": float,
    "flatness": float,
    "harmonicity": float,
    "mod_slow_coarse_db": float,
    "mod_slow_middle_db": float,
    "mod_slow_fine_db": float,
    "mod_medium_coarse_db": float,
    "mod_medium_middle_db": float,
    "mod_medium_fine_db": float,
    "mod_fast_coarse_db": float,
    "mod_fast_middle_db": float,
    "mod_fast_fine_db": float,
}
"""`acoustics/{split}/{shard}.tsv`: one row per clip of the audio shard, in its order.

All values are of the recorded sound, without the zeros that pad a clip. Centroid, bandwidth,
flatness and harmonicity are empty for a clip of silence.
"""

COVARIATES = tuple(name for name in ACOUSTICS if name != "clip_id")
"""The covariates in the models, in the order of the columns."""
