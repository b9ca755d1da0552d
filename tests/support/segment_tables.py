"""Responses of one made-up network to quilts, with known slopes."""

import numpy as np
import pandas as pd

from support.claim_tables import SEGMENTS


def quilt(slopes, intact=(3.0, 1.5), sd=2.0, seed=1):
    """Return a table of one network whose responses change by `slopes` per octave of length."""
    rows = [
        {
            "seed": seed,
            "segment_ms": segment,
            "group": group,
            "role": role,
            "n_clips": n,
            "response": intact[place]
            + (slopes[place] * np.log2(segment / 1600) if segment == segment else 0.0),
            "response_sd": sd,
        }
        for group in ("most", "least")
        for place, (role, n) in enumerate((("target", 80), ("other", 240)))
        for segment in (*SEGMENTS, np.nan)
    ]
    return pd.DataFrame(rows)
