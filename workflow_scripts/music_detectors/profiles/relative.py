"""Responses of networks with different gains, on one scale for figures."""

import pandas as pd


def has_signs(sounds: pd.DataFrame) -> bool:
    """Return whether any response in the table sounds.tsv is negative, as features can be."""
    return bool((sounds["response"] < 0).any())


def relative(sounds: pd.DataFrame) -> pd.Series:
    """Return the responses in the table sounds.tsv relative to each network's.

    They are divided by the network's mean over all sounds; where any network's are negative, by the
    standard deviation. What is divided by nothing stays as it is.
    """
    of_network = sounds.groupby("seed")["response"]
    scale = of_network.transform("std" if has_signs(sounds) else "mean")
    return sounds["response"] / scale.where(scale > 0, 1.0)
