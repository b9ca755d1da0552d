"""The columns of the tables in quilts/; docs/statistics.md defines each."""

INTACT = "intact"
"""The stimulus that quilts are compared with."""

QUILT_RESPONSES = {
    "seed": int,
    "split": str,
    "stimulus": str,
    "segment_ms": float,
    "group": str,
    "role": str,
    "n_clips": int,
    "response": float,
    "response_sd": float,
}
"""`quilts/{target}/{condition}/responses.tsv`: one row per network, split, stimulus, group of units
and role.

`response` and `response_sd` are the mean and the sample standard deviation over the clips of the
mean response of the units of the group; `segment_ms` is empty for stimuli that are no quilt. Units
are chosen on train clips, so rows of the split `train` measure on the clips of the choice.
"""

QUILT_LEFT_OUT = {"block": int, **QUILT_RESPONSES}
"""`quilts/{target}/{condition}/left_out.tsv`: responses.tsv without each block of test clips, for
intact clips and quilts of the split `test`.
"""

QUILT_GENRES = {
    "seed": int,
    "split": str,
    "mid": str,
    "name": str,
    "stimulus": str,
    "segment_ms": float,
    "group": str,
    "n_clips": int,
    "response": float,
    "response_sd": float,
}
"""`quilts/{target}/{condition}/genres.tsv`: as responses.tsv, for the target clips of each genre.

A corpus without genres has no rows.
"""

QUILT_LENGTHS = {
    "seed": int,
    "split": str,
    "group": str,
    "role": str,
    "n_clips": int,
    "n_lengths": int,
    "r": float,
    "slope": float,
    "slope_relative": float,
}
"""`quilts/{target}/{condition}/lengths.tsv`: one row per network, split, group of units and role.

How the response of responses.tsv rises with the length of segments, in octaves; `slope_relative` is
the slope as a share of the response to intact clips.
"""

QUILT_INTACT = {
    "seed": int,
    "split": str,
    "group": str,
    "role": str,
    "segment_ms": float,
    "n_clips": int,
    "response": float,
    "intact": float,
    "relative": float,
    "difference": float,
}
"""`quilts/{target}/{condition}/intact.tsv`: one row per network, split, group of units, role and
length of segments.

The response to quilts compared with that to the same clips intact.
"""

QUILT_NETWORKS = {
    "split": str,
    "group": str,
    "role": str,
    "segment_ms": float,
    "n_networks": int,
    "relative": float,
    "relative_low": float,
    "relative_high": float,
    "difference": float,
    "t": float,
    "p": float,
    "p_holm": float,
}
"""`quilts/{target}/{condition}/networks.tsv`: intact.tsv over the networks.

One row per split, group of units, role and length of segments; t is over networks.
"""

QUILT_CORRELATION = {
    "split": str,
    "group": str,
    "role": str,
    "n_networks": int,
    "n_points": int,
    "r": float,
    "p": float,
    "r_mean": float,
    "slope": float,
    "t": float,
    "p_slope": float,
}
"""`quilts/{target}/{condition}/correlation.tsv`: one row per split, group of units and role.

`r` is the study's correlation of responses with the length of segments, over all networks and
lengths; `slope` is the mean of those in lengths.tsv.
"""

QUILT_CONDITIONS = {
    "condition": str,
    "reference": str,
    "split": str,
    "group": str,
    "role": str,
    "segment_ms": float,
    "n_networks": int,
    "relative": float,
    "relative_reference": float,
    "difference": float,
    "low": float,
    "high": float,
    "t": float,
    "p": float,
    "p_holm": float,
}
"""`quilts/{target}/conditions.tsv`: one row per condition other than that of the claims, split,
group of units, role and length of segments.

The response relative to that to intact clips, compared with that of the condition of the claims,
`reference`; networks of the same seed are compared.
"""
