"""Made-up tables of every analysis that claims use; in them, each claim is true or false."""

import dataclasses

import numpy as np
import pandas as pd

from music_detectors.claims.assess import with_left_out
from music_detectors.claims.columns import CLAIMS
from music_detectors.claims.study import Measured, Study, numbered
from music_detectors.common.tables import write_table
from music_detectors.decoding.columns import DECODING
from music_detectors.embedding.columns import SEGREGATION
from music_detectors.emergence.columns import EMERGENCE
from music_detectors.specificity.columns import SPECIFICITY

SMALLEST = {
    "apart": 0.1,
    "recognition": 0.05,
    "at_chance": 0.1,
    "decoding": 0.1,
    "all_units": 0.05,
    "selective": 0.5,
    "controls": 0.2,
    "level": 0.3,
    "suffice": 0.75,
    "ratio": 0.2,
    "probe": 0.1,
    "same": 0.25,
    "temporal": 0.02,
    "generalisation": 0.05,
    "lesion": 0.03,
    "acoustics": 0.2,
    "genres": 0.4,
    "held_out": 0.3,
    "novelty": 0.1,
}
_OF_MATCHED = {
    "segregation": SEGREGATION,
    "decoding": DECODING,
    "specificity": SPECIFICITY,
    "emergence": EMERGENCE,
}
CONDITIONS = ("natural", "full", "no-speech", "no-things", "shuffled", "untrained", "gabor", "pca")
FIXED = ("gabor", "pca")
GENRES = ("Pop music", "Jazz", "Blues")
SEGMENTS = (50.0, 100.0, 200.0, 400.0, 800.0, 1600.0)
FURTHER = ("Speech", "Animal")
INTERCEPT = {"target": 3.0, "other": 1.5}


def study(**changed):
    """Return the study of the default configuration, with the fields `changed`."""
    default = Study(
        condition="natural",
        controls=("untrained", "gabor"),
        features=("pca", "gabor"),
        target_heard=("full",),
        shuffled=("shuffled",),
        speech_withheld=("no-speech",),
        withheld_others=("no-things",),
        fixed=FIXED,
        target="Music",
        further=FURTHER,
        fraction=0.125,
        smallest_effects=SMALLEST,
    )
    return dataclasses.replace(default, **changed)


class Tables:
    """The tables of `seeds` networks per condition; claims in `true` hold, the others do not.

    `spread` is the standard deviation between networks, in units in which a true effect is about
    one. Some claims share a measurement: that models do not differ needs units that are more
    selective than those of the controls, and is false here because full networks are more selective
    still.
    """

    def __init__(self, true=CLAIMS, seeds=5, spread=0.1, draw=0, conditions=CONDITIONS):
        self.random = np.random.default_rng(draw)
        self.true, self.seeds, self.spread = true, range(1, seeds + 1), spread
        # What is withheld in the target's place matters to one analysis alone.
        self.conditions = others = [name for name in conditions if name != "no-things"]
        self.segregation = {name: self._segregation(name) for name in others}
        self.selectivity = {"Music": self._selectivity("Music", others)}
        self.selectivity |= {name: self._selectivity(name, ("natural",)) for name in FURTHER}
        self.recognition = self._recognition()
        self.genres = self._genres()
        self.quilts = {"Music": {name: self._quilts(name) for name in others}}
        self.quilts |= {name: {"natural": self._further_quilts()} for name in FURTHER}
        self.correlation = self._correlation()
        self.decoding = {
            name: self._decoding(name) for name in others if name in ("natural", *FIXED)
        }
        self.lesions = self._lesions()
        self.levels = self._levels()
        self.ratios = {name: self._ratios(name) for name in others}
        self.categories = self._categories()
        self.components = self._components()
        self.emergence = self._emergence()
        self.specificity = {
            name: self._specificity(name)
            for name in conditions
            if name in ("natural", "no-things", "untrained", *FIXED)
        }

    def _noise(self, *shape):
        return self.spread * self.random.standard_normal(shape or None)

    def _holds(self, claim):
        return float(claim in self.true)

    def _seeds(self, condition):
        return [1] if condition in FIXED else self.seeds

    def _segregation(self, condition):
        seeds = self._seeds(condition)
        holds = self._holds("apart") * (condition == "natural")
        adjusted = 0.5 * holds + self._noise(len(seeds))
        return pd.DataFrame(
            {
                "seed": seeds,
                "coarse_index": 0.3 + 0.7 * adjusted,
                "coarse_permuted_mean": 0.3,
                "coarse_permuted_sd": 0.02,
                "n_target": 80,
                "n_other": 240,
            }
        )

    def _selectivity(self, target, conditions):
        """Return the summary of selectivity; every condition has further effects of its own."""
        selective, models = self._holds("selective"), self._holds("models")
        rows = []
        for condition in conditions:
            heard = condition in ("natural", "full")
            acoustic = self._holds("acoustics") * (condition == "natural")
            g = {"natural": selective, "no-speech": self._holds("speech")}.get(condition, 0.0)
            ratio = 1.0 + heard * (1.0 if models else 0.0)
            if target != "Music":
                # Less selective than the units for music, unless the claim is false.
                ratio -= 0.7 * self._holds("specific")
            for seed in self._seeds(condition):
                rows.append(
                    {
                        "condition": condition,
                        "seed": seed,
                        "layer": "avgpool",
                        "reported": True,
                        "n_target_test": 80,
                        "n_other_test": 240,
                        "differs_in": "",
                        "response_hedges_g": g + self._noise(),
                        "response_partial_d": 0.8 * acoustic + self._noise(),
                        "test_ratio": ratio + 0.2 * self._noise(),
                        "test_all_common_language": 0.5
                        + 0.2 * self._holds("all-units") * (condition == "natural")
                        + 0.2 * self._noise(),
                    }
                )
        table = pd.DataFrame(rows)
        # At equal length and level, effects are the same here.
        return table.assign(
            response_balanced_d=table["response_hedges_g"],
            test_balanced_ratio=table["test_ratio"],
            test_all_balanced_common_language=table["test_all_common_language"],
        )

    def _recognition(self):
        rows = []
        for condition in self.conditions:
            if condition in FIXED:
                continue
            for seed in self._seeds(condition):
                for clips in ("training", "test"):
                    for group in ("natural", "target"):
                        precision = 0.05 + 0.1 * self._noise()
                        if group == "natural" and condition != "untrained":
                            precision += 0.3 * (self._holds("apart") or clips == "training")
                        if group == "target":
                            precision = 0.05 + 0.05 * self._noise()
                        if condition == "shuffled" and clips == "training":
                            precision = 0.99
                        rows.append(
                            {
                                "condition": condition,
                                "seed": seed,
                                "clips": clips,
                                "group": group,
                                "n_classes": 30 if group == "natural" else 10,
                                "mean_average_precision": precision,
                                "mean_average_precision_low": precision - 0.02,
                                "mean_average_precision_high": precision + 0.02,
                                "learnt": "yes" if condition == "natural" else "not trained",
                                "chance": 0.05,
                                "prevalence": 0.04,
                            }
                        )
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
                "hedges_g": self._holds("genres") + self._noise(),
                "n_blocks": 8,
                "deviation_error": 0.05,
            }
            for seed in self.seeds
            for name in GENRES
        ]
        return pd.DataFrame(rows)

    def _quilts(self, condition):
        """Return responses to quilts; target responses lie below intact by a share and a slope."""
        temporal = 0.2 * self._holds("temporal") * (condition in ("natural", "shuffled", "full"))
        flat = condition == "shuffled" and self._holds("generalisation")
        # Without speech, the response rises among short segments alone.
        bent = condition == "no-speech"
        if self._holds("speech") and condition == "natural" and not temporal:
            temporal = 0.0
        return self._responses(self._seeds(condition), temporal, flat=flat, bent=bent)

    def _further_quilts(self):
        slope = 0.0 if self._holds("specific") else 0.3
        return self._responses(self.seeds, slope, noise=0.02)

    def _responses(self, seeds, slope, *, flat=False, bent=False, noise=0.3):
        rows = []
        for seed in seeds:
            scale = self.random.uniform(0.5, 2)
            for group in ("most", "least"):
                for role, intact in INTERCEPT.items():
                    own = slope * (role == "target" and group == "most") + noise * self._noise()
                    for segment in (*SEGMENTS, np.nan):
                        octaves = np.log2(segment / 1600) if segment == segment else 0.0
                        change = own * octaves
                        if group == "most" and role == "target":
                            change += self._by_claim(flat, bent, octaves)
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
                                "response": scale * (intact + change),
                                "response_sd": scale,
                            }
                        )
        return pd.DataFrame(rows)

    def _by_claim(self, flat, bent, octaves):
        """Return what memorised labels, or speech, add to the response to quilts of the target."""
        if flat:
            # Above the natural networks' at every length.
            return 0.9 * (octaves < 0)
        if bent:
            # Falls where it should rise among long segments.
            return -0.2 * self._holds("speech") * max(octaves, -2)
        return 0.0

    def _correlation(self):
        return pd.DataFrame(
            [
                {
                    "split": "test",
                    "group": group,
                    "role": role,
                    "r": 0.6 if role == "target" else 0.3,
                }
                for group in ("most", "least")
                for role in ("target", "other")
            ]
        )

    def _decoding(self, condition):
        rows = []
        fixed = condition in FIXED
        chance = 0.25
        for seed in self._seeds(condition):

            def row(features, first_rank, precision, genre="", chance=chance, seed=seed):
                rows.append(
                    {
                        "seed": seed,
                        "genre": genre,
                        "features": features,
                        "first_rank": first_rank,
                        "last_rank": first_rank + 31,
                        "n_features": 32,
                        "n_train": 480,
                        "n_test": 320,
                        "average_precision": precision,
                        "chance": chance,
                    }
                )

            if fixed:
                row("all units", np.nan, 0.6)
                continue
            everything = (0.9 if self._holds("apart") else 0.6) + 0.1 * self._noise()
            # The most selective units reach about all that all units do, or nothing.
            top = everything - 0.02 if self._holds("decoding") else 0.25
            top += 0.1 * self._noise()
            row("all units", np.nan, everything)
            for fixed_features in FIXED:
                row(f"all units and {fixed_features}", np.nan, everything + 0.001)
            row("units", 1, top)
            row("units", 33, 0.3 + 0.05 * self._noise())
            row("covariates", np.nan, 0.8)
            gain = 0.5 * self._holds("acoustics") + self._noise()
            row("units and covariates", 1, 0.8 + 0.2 * gain)
            for genre in GENRES:
                precision = 0.05 + 0.3 * self._holds("decoding") + 0.1 * self._noise()
                row("units", 1, precision, f"/m/{genre}", 0.05)
                row("units", 33, 0.05, f"/m/{genre}", 0.05)
        return pd.DataFrame(rows)

    def _specificity(self, condition):
        """Return the effects of the target, and of what the networks without animals lack."""
        selective, apart = self._holds("selective"), self._holds("apart")
        of_claims = condition == "natural"
        rows = []
        for seed in self._seeds(condition):
            effect = 0.4 + selective * of_claims + self._noise()
            # Withholding animals does as much for them, unless the claim is true.
            animals = 0.4 + (condition == "no-things") * (
                1.0 - self._holds("specific") + selective - 1.0
            )
            segregation = 0.2 + 0.4 * apart * of_claims
            row = {
                "seed": seed,
                "withheld_by": "",
                "n_target": 80,
                "n_other": 240,
                "effect": effect,
                "n_classes": 41,
                "n_sets": 500,
                "random_effect": 0.6 + self._noise(),
                "p": 0.002 if selective * of_claims else 0.4,
                "target_by": "classes",
                "other_by": "classes",
                "folds": 5,
                "same_classes": effect,
                "held_out": 0.8 * selective * of_claims + self._noise(),
                "decoding": 0.6 * apart * of_claims + 0.1 * self._noise(),
                "segregation": segregation + 0.1 * self._noise(),
                "random_segregation": 0.3 + 0.1 * self._noise(),
                "segregation_p": 0.002 if apart * of_claims else 0.4,
            }
            rows += [row, row | {"withheld_by": "no-things", "effect": animals + self._noise()}]
        return pd.DataFrame(rows)

    def _levels(self):
        rows = []
        for seed in self.seeds:
            for level_db in (0.0, -3.0, -18.0):
                for group in ("most", "least"):
                    effect = self._holds("level") * (group == "most")
                    rows.append(
                        {
                            "seed": seed,
                            "level_db": level_db,
                            "group": group,
                            "n_target": 80,
                            "n_other": 240,
                            "response_target": 1 + effect,
                            "response_other": 1.0,
                            "ratio": 1 + effect,
                            "hedges_g": effect + self._noise(),
                        }
                    )
        return pd.DataFrame(rows)

    def _ratios(self, condition):
        holds = self._holds("probe") * (condition in ("natural", "full"))
        rows = [
            {
                "seed": seed,
                "n_target": 20,
                "n_other": 40,
                "ratio": 1 + holds + 0.5 * self._noise(),
                "hedges_g": holds,
            }
            for seed in self._seeds(condition)
        ]
        return pd.DataFrame(rows)

    def _categories(self):
        holds = self._holds("probe")
        rows = [
            {
                "seed": seed,
                "category": category,
                "target": target,
                "n_sounds": n_sounds,
                "response": 1 + holds * target + 0.5 * self._noise(),
                "response_sd": 0.5,
            }
            for seed in self.seeds
            for category, target, n_sounds in (
                ("Instrumental", True, 12),
                ("Song", True, 8),
                ("Speech", False, 20),
                ("Nature", False, 20),
            )
        ]
        return pd.DataFrame(rows)

    def _components(self):
        return pd.DataFrame(
            [
                {"seed": seed, "component": name, "pearson": r + self._noise()}
                for seed in self.seeds
                for name, r in (("music", 0.4), ("speech", 0.0))
            ]
        )

    def _emergence(self):
        holds = self._holds("emergence")
        return pd.DataFrame(
            [
                {
                    "seed": seed,
                    "epoch": epoch,
                    "natural_map": 0.05 + 0.3 * last * holds + 0.1 * self._noise(),
                    "chance": 0.05,
                    "ratio": 1.0 + last * holds,
                    "hedges_g": last * holds + self._noise(),
                    "decoding": 0.5 + 0.3 * last * holds + 0.1 * self._noise(),
                    "decoding_chance": 0.25,
                    "n_target": 80,
                    "n_other": 240,
                    "segregation": 0.2 + 0.5 * last * holds + 0.5 * self._noise(),
                }
                for seed in self.seeds
                for epoch, last in ((0, 0.0), (1, 0.5), (8, 1.0))
            ]
        )

    def _lesions(self):
        rows = []
        for seed in self.seeds:
            zero = {
                "top": -0.2 * self._holds("lesion"),
                "middle": 0.0,
                "bottom": 0.0,
                "norm": 0.0,
                "random-0001": 0.01,
                "random-0002": -0.01,
                "matched-response-0001": 0.01,
                "matched-response-0002": -0.01,
                "matched-drive-0001": 0.01,
                "matched-drive-0002": -0.01,
            }
            mean = {name: change for name, change in zero.items() if name[:6] in ("top", "matche")}
            made = [("none", "", 0.0, 0.0)] + [
                (lesion, set_to, fraction, change)
                for fraction in (0.125, 0.5)
                for set_to, changes in (("zero", zero), ("mean", mean))
                for lesion, change in changes.items()
            ]
            for lesion, set_to, fraction, change in made:
                for group, clips in (("natural", "all"), ("target", "all"), ("natural", "other")):
                    lost = change + 0.1 * self._noise() if fraction == 0.125 else 0.0
                    rows.append(
                        {
                            "seed": seed,
                            "layer": "avgpool",
                            "lesion": lesion,
                            "set_to": set_to,
                            "fraction": fraction,
                            "n_units": round(256 * fraction),
                            "response": 0.5 if fraction else np.nan,
                            "drive": 2.0 if fraction else np.nan,
                            "group": group,
                            "clips": clips,
                            "n_classes": 30,
                            "n_clips": 340 if clips == "all" else 260,
                            "mean_average_precision": 0.05 + 0.3 * (1 + lost),
                            "chance": 0.05,
                            "change": 0.3 * lost,
                            "percentile": np.nan,
                        }
                    )
        return pd.DataFrame(rows)

    def measured(self):
        """Return the tables as `assess_claims` reads them."""
        tables = {field.name: getattr(self, field.name) for field in MEASURED}
        for name, columns in _OF_MATCHED.items():
            tables[name] = _with_matched(tables[name], columns)
        return Measured(**tables)

    def parts(self, of=None, without=None):
        """Return the parts of every claim.

        `without` are the Tables without each block; by default, without any of two blocks of sounds
        the tables are the same.
        """
        study_of, without = of or study(), without or [self, self]
        left_out = each_table(stacked, *(tables.measured() for tables in without))
        left_out = each_table(numbered, left_out)
        return with_left_out(study_of, self.measured(), left_out, blocks(len(without)), "groups")


def _with_matched(table, columns):
    """Return `table`, or a mapping of such, with those of `columns` that are of matched clips.

    All clips are matched, unless the table has other values.
    """
    if isinstance(table, dict):
        return {name: _with_matched(one, columns) for name, one in table.items()}
    if table is None:
        return None
    names = [name for name in columns if name.startswith("matched_") and name not in table]
    own = {name: name.removeprefix("matched_") for name in names}
    return table.assign(**{name: table[one] for name, one in own.items() if one in table})


def each_table(function, first, *others):
    """Return `first`, tables in a Measured or in mappings, with `function` applied to each table.

    It gets the tables of the same place in `others` too.
    """
    if isinstance(first, Measured):
        changed = {
            field.name: each_table(
                function, *(getattr(one, field.name) for one in (first, *others))
            )
            for field in MEASURED
            if field.name != "correlation"
        }
        return dataclasses.replace(first, **changed)
    if isinstance(first, dict):
        return {
            name: each_table(function, *(one[name] for one in (first, *others))) for name in first
        }
    return None if first is None else function(first, *others)


def stacked(*tables):
    """Return the rows of all tables, each with the number of the table as `block`."""
    numbers = [table.assign(block=number) for number, table in enumerate(tables)]
    return pd.concat(numbers, ignore_index=True)


def blocks(number):
    """Return the table of as many blocks, each of one target and one other recording."""
    return pd.DataFrame(
        [
            {"clip_id": f"{role}-{block}", "role": role, "draw": f"{role}-{block}", "block": block}
            for block in range(number)
            for role in ("target", "other")
        ]
    )


MEASURED = dataclasses.fields(Measured)


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
