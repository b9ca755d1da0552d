"""What the claims are about, and the tables that they rest on.

The tables with each block of sounds left out are used all at once: in them, `seed` numbers a
network without a block, so that each claim is computed once for all blocks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

Values = dict[int, float]
"""Seed to estimate."""
Conditions = Mapping[str, pd.DataFrame]
"""Condition to a table with a column `seed`."""
_NETWORKS = 10**6
"""More than there are seeds of a condition."""


@dataclass(frozen=True)
class Study:
    """The condition that is claimed about, what it is compared with, and the smallest effects.

    The lists of conditions are those of `claims.compared`, whether they were run or not.
    """

    condition: str
    controls: Sequence[str]
    """Conditions whose units are less selective: untrained networks, fixed features."""
    features: Sequence[str]
    """Conditions whose features decode the target less well."""
    target_heard: Sequence[str]
    """Conditions whose networks have heard the target, and are as selective."""
    shuffled: Sequence[str]
    """Conditions whose networks have memorised labels without meaning."""
    speech_withheld: Sequence[str]
    """Conditions whose networks have heard no speech either."""
    withheld_others: Sequence[str]
    """Conditions from whose networks another branch is withheld in the target's place."""
    fixed: Sequence[str]
    """Conditions whose models are not trained: one value each, not one per seed."""
    target: str
    further: Sequence[str]
    """The names of further targets."""
    fraction: float
    """The share of units that are called selective."""
    smallest_effects: Mapping[str, float]


@dataclass(frozen=True)
class Measured:
    """The tables of the analyses; None where the configuration does not ask for an analysis."""

    selectivity: Mapping[str, pd.DataFrame]
    """Target to the rows of the reported layer in selectivity/{target}/summary.tsv."""
    segregation: Conditions
    recognition: pd.DataFrame
    decoding: Conditions
    genres: pd.DataFrame
    quilts: Mapping[str, Conditions]
    """Target to condition to the rows of quilts and intact clips in its responses.tsv."""
    correlation: pd.DataFrame
    """The rows of test clips in the table correlation.tsv of responses to quilts."""
    lesions: pd.DataFrame
    specificity: Conditions
    """The tables networks.tsv of the target among sets of classes."""
    levels: pd.DataFrame | None = None
    ratios: Conditions | None = None
    """The table ratios.tsv of the first probe set, as the tables below."""
    categories: pd.DataFrame | None = None
    components: pd.DataFrame | None = None
    emergence: pd.DataFrame | None = None

    def of_conditions(self, target: str, column: str) -> dict[str, Values]:
        """Return the values of a column of selectivity/{target}/summary.tsv by condition."""
        table = self.selectivity[target]
        return {name: by_seed(rows, rows[column]) for name, rows in table.groupby("condition")}


def by_seed(table: pd.DataFrame, column: pd.Series) -> Values:
    """Return the values of `column` by the seeds of `table`, which has one row for each."""
    return dict(zip(table["seed"].tolist(), column.astype(float).tolist(), strict=True))


def numbered(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table`, which has a column `block`, with numbers of blocks and networks as seeds."""
    seeds = table["seed"] + (table["block"] + 1) * _NETWORKS
    return table.drop(columns="block").assign(seed=seeds)


def by_block(values: Values, blocks: Iterable[int]) -> dict[int, Values]:
    """Return `values` of such numbers by block and seed, for each of `blocks`."""
    found: dict[int, Values] = {block: {} for block in blocks}
    for number, value in values.items():
        found[place_of(number) - 1][number % _NETWORKS] = value
    return found


def place_of(seed: int) -> int:
    """Return 0 for a seed, and for a number of a block and a network the same for each network."""
    return seed // _NETWORKS
