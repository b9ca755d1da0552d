"""Made-up tables of every analysis that claims use; in them, each claim is true or false."""

import numpy as np
import pandas as pd

from music_detectors.claims import estimates
from music_detectors.claims.columns import CLAIMS
from music_detectors.claims.estimates import Study
from music_detectors.common.tables import write_table

SMALLEST = {
    "apart": 0.1,
    "selective": 0.5,
    "controls": 0.2,
    "genres": 0.4,
    "temporal": 0.02,
    "acoustics": 0.2,
    "decoding": 0.1,
    "lesion": 0.03,
}
CONDITIONS = ("natural", "untrained", "shuffled")
GENRES = ("Pop music", "Jazz", "Blues")
SEGMENTS = (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0)


def study(controls=("untrained", "shuffled"), smallest=SMALLEST, fixed=()):
    shuffled = [name for name in controls if name == "shuffled"]
    return Study("natural", controls, shuffled, fixed, "Music", 0.125, smallest)


class Tables:
    """The tables of `seeds` networks per condition; claims in `true` hold, the others do not.

    `spread` is the standard deviation between networks.
    """

    def __init__(self, true=CLAIMS, seeds=5, spread=0.1, draw=0, conditions=CONDITIONS):
        self.random = np.random.default_rng(draw)
        self.true, self.seeds, self.spread = true, range(1, seeds + 1), spread
        self.conditions = conditions
        self.segregation = {name: self._segregation(name) for name in conditions}
        self.units = {name: self._units(name) for name in conditions}
        self.recognition = self._recognition()
        self.genres = self._genres()
        self.quilts = {name: self._quilts(name) for name in conditions}
        self.decoding = self._decoding()
        self.lesions = self._lesions()

    def _noise(self, *shape):
        return self.spread * self.random.standard_normal(shape or None)

    def _effect(self, claim, condition="natural"):
        return float(claim in self.true and condition == "natural")

    def _segregation(self, condition):
        n = len(self.seeds)
        adjusted = 0.5 * self._effect("apart", condition) + self._noise(n)
        return pd.DataFrame(
            {
                "seed": self.seeds,
                "coarse_index": 0.3 + 0.7 * adjusted,
                "coarse_permuted_mean": 0.3,
                "coarse_permuted_sd": 0.02,
                "n_target": 80,
                "n_other": 240,
            }
        )

    def _units(self, condition, units=16, selective=4):
        parts = []
        for seed in self.seeds:
            g = self._effect("selective", condition) + self._noise()
            partial = 0.8 * self._effect("acoustics", condition) + self._noise()
            among = self.random.normal(0, 0.1, selective)
            rest = np.zeros(units - selective)
            parts.append(
                pd.DataFrame(
                    {
                        "layer": "avgpool",
                        "reported": True,
                        "selective": np.arange(units) < selective,
                        "test_n_target": 80,
                        "test_n_other": 240,
                        "test_hedges_g": np.r_[g + among - among.mean(), rest - 3],
                        "test_partial_d": np.r_[partial + among - among.mean(), rest - 3],
                        "seed": seed,
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def _recognition(self):
        rows = [
            {
                "condition": condition,
                "seed": seed,
                "clips": clips,
                "group": "natural",
                "n_classes": 30,
                "mean_average_precision": 0.05 if condition == "untrained" else 0.5,
                "chance": 0.05,
                "prevalence": 0.04,
            }
            for condition in self.conditions
            for seed in self.seeds
            for clips in ("training", "test")
        ]
        return pd.DataFrame(rows)

    def _genres(self):
        rows = [
            {
                "seed": seed,
                "mid": f"/m/{name}",
                "name": name,
                "n_clips": 8,
                "n_other": 240,
                "response": 1.0,
                "other_response": 0.5,
                "hedges_g": self._effect("genres") + self._noise(),
            }
            for seed in self.seeds
            for name in GENRES
        ]
        return pd.DataFrame(rows)

    def _quilts(self, condition):
        rows = []
        effect = 0.2 * self._effect("temporal", condition)
        for seed in self.seeds:
            scale = self.random.uniform(0.5, 2)
            for group in ("most", "least"):
                for role, intact in (("target", 3.0), ("other", 1.5)):
                    slope = effect * (role == "target" and group == "most") + 0.3 * self._noise()
                    for segment in (*SEGMENTS, np.nan):
                        octaves = np.log2(segment / 1600) if segment == segment else 0.0
                        rows.append(
                            {
                                "seed": seed,
                                "split": "test",
                                "stimulus": "intact"
                                if np.isnan(segment)
                                else f"quilt-{segment:g}ms",
                                "segment_ms": segment,
                                "group": group,
                                "role": role,
                                "n_clips": 80 if role == "target" else 240,
                                "response": scale * (intact + slope * octaves),
                                "response_sd": scale,
                            }
                        )
        return pd.DataFrame(rows)

    def _decoding(self):
        rows = []
        gain = 0.5 * self._effect("acoustics")
        for seed in self.seeds:
            both = 0.8 + 0.2 * (gain + self._noise())
            for features, rank, score in (
                ("units", 1, 0.7),
                ("units", 33, 0.4),
                ("covariates", np.nan, 0.8),
                ("units and covariates", 1, both),
            ):
                rows.append(
                    {
                        "seed": seed,
                        "genre": "",
                        "features": features,
                        "first_rank": rank,
                        "last_rank": rank + 31,
                        "n_features": 32,
                        "n_train": 480,
                        "n_test": 320,
                        "average_precision": score,
                        "chance": 0.25,
                    }
                )
        return pd.DataFrame(rows)

    def _lesions(self):
        rows = []
        for seed in self.seeds:
            changes = {
                "top": -0.2 * self._effect("lesion"),
                "middle": 0.0,
                "bottom": 0.0,
                "norm": -0.1,
                "random-0001": 0.01,
                "random-0002": -0.01,
            }
            for fraction in (0.0, 0.125, 0.5):
                for group in ("natural", "target"):
                    for lesion, change in changes.items() if fraction else [("none", 0.0)]:
                        noise = 0.2 * self._noise() if lesion != "none" else 0.0
                        change = change + noise if fraction == 0.125 else 0.0
                        rows.append(
                            {
                                "seed": seed,
                                "layer": "avgpool",
                                "lesion": lesion,
                                "fraction": fraction,
                                "n_units": round(256 * fraction),
                                "group": group,
                                "n_classes": 30,
                                "n_clips": 340,
                                "mean_average_precision": 0.3 * (1 + change),
                                "change": 0.3 * change,
                                "percentile": np.nan,
                            }
                        )
        return pd.DataFrame(rows)

    def parts(self, of=None):
        """Return the parts of every claim."""
        of = of or study()
        return [
            *estimates.apart(of, self.segregation),
            *estimates.selective(of, self.units, self.recognition),
            *estimates.genres(of, self.genres),
            *estimates.temporal(of, self.quilts),
            *estimates.acoustics(of, self.units, self.decoding),
            *estimates.lesion(of, self.lesions),
        ]


def filled(table, columns):
    """Return `table` with all `columns`; those that claims do not use are empty."""
    empty = {str: "", int: 0, float: np.nan, bool: False}
    return pd.DataFrame(
        {name: table.get(name, empty[kind]) for name, kind in columns.items()},
        index=table.index,
    )


def write(path, table, columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, filled(table, columns), columns)
    return path
