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
"""{shard}.tsv: one row a clip of the audio shard, in its order.

All is of the recorded sound, without the zeros that fill a clip up. Centroid, bandwidth, flatness
and harmonicity are empty for a clip without any sound.
"""

COVARIATES = tuple(name for name in ACOUSTICS if name != "clip_id")
"""What enters the models, in the order of the columns."""
