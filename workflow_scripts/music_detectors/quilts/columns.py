"""The columns of the tables in quilts/; docs/statistics.md defines each."""

INTACT = "intact"
"""The stimulus that quilts are compared with."""

QUILT_RESPONSES = {
    "seed": int,
    "stimulus": str,
    "segment_ms": float,
    "group": str,
    "role": str,
    "n_clips": int,
    "response": float,
    "response_sd": float,
}
"""`quilts/{target}/{condition}/responses.tsv`: one row per network, stimulus, group of units and
role.

`response` and `response_sd` are the mean and the sample standard deviation over the clips of the
mean response of the units of the group; `segment_ms` is empty for stimuli that are no quilt.
"""
