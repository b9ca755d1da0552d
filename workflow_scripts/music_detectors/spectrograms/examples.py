"""Which clips are shown, and played, as examples of each group of classes."""

import pandas as pd

EXAMPLES = 4
"""How many clips a group has at most."""


def choose(index: pd.DataFrame, classes: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return up to four rows of `index` (clip_id, shard, row, n_frames, mids) for each branch.

    Only clips with all labels in one branch are considered. Complete clips with few labels come
    first, and clips of different classes before further clips of the same class; otherwise the
    order of the index decides. Branches are in the order of `classes`; those without clips are
    left out.
    """
    branch_of = classes.set_index("mid")["branch"]
    branches = [{branch_of.get(mid) for mid in mids} for mids in index["mids"]]
    ranked = index.assign(
        branch=[next(iter(found)) if len(found) == 1 else None for found in branches],
        cut=index["n_frames"] < index["n_frames"].max(),
        n_labels=index["mids"].map(len),
        first=index["mids"].str[0],
    ).sort_values(["cut", "n_labels"], kind="stable")
    chosen = {}
    for branch in dict.fromkeys(classes["branch"]):
        rows = ranked[ranked["branch"] == branch]
        same_class = rows["first"].duplicated()
        rows = pd.concat([rows[~same_class], rows[same_class]]).head(EXAMPLES)
        if len(rows):
            chosen[branch] = rows
    return chosen
