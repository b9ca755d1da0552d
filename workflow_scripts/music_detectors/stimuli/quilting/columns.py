"""The columns of quilts in the status table; docs/quilts.md defines each."""

QUILT_STATUS = {"n_segments": int, "first_segment": int, "gain_db": float}
"""For a clip that is too short, `gain_db` is empty and the others are 0."""
