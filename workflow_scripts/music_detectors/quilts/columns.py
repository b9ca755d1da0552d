"""The columns of the tables in quilts/; docs/statistics.md defines each."""

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
"""quilts/{condition}/responses.tsv: a row a network, stimulus, group of units and role.

`response` and `response_sd` are the mean and the sample standard deviation over the clips of the
mean response of the units of the group; `segment_ms` is empty for intact clips.
"""
