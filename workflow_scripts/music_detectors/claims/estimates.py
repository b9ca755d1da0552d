"""The estimates that the claims rest on, a value for each network, from the tables of the stages.

docs/claims.md says why these. Every value is positive where it speaks for its claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from music_detectors.claims.inference import Part

FEWEST_CLIPS = 20
"""Target clips, and other clips, of the test split without which nothing is claimed."""

_ROLES = ("target", "other")
_OF_SEGMENTS = ("target", "other", "interaction", "in proportion", "fall")

Values = dict[int, float]
"""Seed to estimate."""
Conditions = Mapping[str, pd.DataFrame]
"""Condition to a table with a column `seed`."""


@dataclass(frozen=True)
class Study:
    """What is compared with what."""

    condition: str
    controls: Sequence[str]
    """Conditions it is compared with, whether they were run or not."""
    redrawn: Sequence[str]
    """Those of them whose networks learn labels that mean nothing."""
    target: str
    fraction: float
    """The share of units that are selective."""
    smallest_effects: Mapping[str, float]


def apart(study: Study, segregation: Conditions) -> list[Part]:
    """Return claim 1 from the tables of segregation: the index, adjusted for chance."""
    values = {condition: _adjusted(table) for condition, table in segregation.items()}
    table, smallest = segregation[study.condition], study.smallest_effects["apart"]
    about = {
        "unit": "share of the overlap of permuted roles",
        "smallest_effect": smallest,
        **_clips(table["n_target"], table["n_other"]),
    }
    by_chance = (table["coarse_permuted_sd"] / (1 - table["coarse_permuted_mean"])).mean()
    if not about["fault"] and smallest and not by_chance <= smallest:
        about["fault"] = (
            f"with {about['n_clips']} test clips permuted roles vary by {by_chance:.2g} (SD), more "
            f"than the effect to be told ({smallest:g})"
        )
    first = Part(
        "apart",
        "segregation",
        f"overlap of {study.target} with other test clips: how much less than by chance",
        values=values[study.condition],
        **about,
    )
    return [first, *_over_controls(study, first, values, about)]


def selective(study: Study, units: Conditions, recognition: pd.DataFrame) -> list[Part]:
    """Return claim 2 from the units of the reported layer and recognition/summary.tsv."""
    values = {name: _mean_of_selective(table, "test_hedges_g") for name, table in units.items()}
    table, smallest = units[study.condition], study.smallest_effects
    first = Part(
        "selective",
        "effect",
        f"selective units: response to {study.target} less that to other test clips",
        "SD (Hedges g)",
        smallest["selective"],
        values[study.condition],
        **_clips_of_units(table, smallest["selective"]),
    )
    about = {
        "unit": first.unit,
        "smallest_effect": smallest["controls"],
        "needed": True,
        **_clips_of_units(table, smallest["controls"]),
    }
    if not study.controls:
        about["fault"] = "claims.controls names no condition to compare with"
        return [first, Part("selective", "effect over controls", first.compared, **about)]
    caveats = {control: _unlearnt(study, control, recognition) for control in study.redrawn}
    return [first, *_over_controls(study, first, values, about, caveats)]


def genres(study: Study, table: pd.DataFrame) -> list[Part]:
    """Return claim 3 from genres.tsv: a part a genre with enough test clips.

    With too few, the standard error of g over clips is larger than the smallest effect. Such
    genres stand beside the claim, and when they are most of all, it cannot be judged.
    """
    smallest = study.smallest_effects["genres"]
    parts, enough = [], 0
    for _, genre in table.groupby("mid", sort=False):
        clips, others = int(genre["n_clips"].min()), int(genre["n_other"].min())
        fault = _imprecise(clips, others, smallest)
        enough += not fault
        name = genre["name"].iloc[0]
        parts.append(
            Part(
                "genres",
                name,
                f"selective units: response to {name} less that to other test clips",
                "SD (Hedges g)",
                smallest,
                _values(genre, genre["hedges_g"]),
                clips + others,
                needed=not fault,
                fault=fault,
            )
        )
    fault = ""
    if not parts:
        fault = "the corpus has no genres"
    elif 2 * enough < len(parts):
        fault = f"{enough} of {len(parts)} genres have enough test clips"
    elif enough < 2:
        fault = "a single genre is not several"
    if fault:
        parts.append(Part("genres", "genres", "all genres", "SD (Hedges g)", smallest, fault=fault))
    return parts


def temporal(study: Study, quilts: Conditions) -> list[Part]:
    """Return claim 4 from the responses to quilts; responses in SDs of those to intact clips."""
    table = quilts[study.condition]
    slopes = {condition: _slopes(of_condition) for condition, of_condition in quilts.items()}

    def of(condition: str, name: str, group: str = "most") -> Values:
        return slopes[condition].loc[group, name].to_dict()

    intact = table[table["segment_ms"].isna() & (table["group"] == "most")]
    n_clips = {role: intact.loc[intact["role"] == role, "n_clips"] for role in _ROLES}
    smallest = study.smallest_effects["temporal"]
    about = {
        "unit": "SD per octave",
        "smallest_effect": smallest,
        **_clips(n_clips["target"], n_clips["other"]),
    }
    octaves = np.log2(table["segment_ms"].max() / table["segment_ms"].min())
    response = f"response of the selective units to {study.target}"
    rise = f"{response}: its rise with the length of the segments"
    ours = {name: of(study.condition, name) for name in _OF_SEGMENTS}
    of_least = of(study.condition, "interaction", "least")
    first = Part(
        "temporal",
        "interaction",
        f"{rise}, less that of other sounds",
        values=ours["interaction"],
        **about,
    )
    return [
        first,
        Part(
            "temporal",
            "in proportion",
            f"{rise}, less what the share that other sounds lose would make",
            values=ours["in proportion"],
            **about,
        ),
        Part("temporal", "rise", rise, values=ours["target"], **about),
        Part(
            "temporal",
            "fall",
            f"{response}: intact clips less the shortest segments",
            values=ours["fall"],
            **about | {"unit": "SD", "smallest_effect": smallest * octaves},
        ),
        Part(
            "temporal",
            "rise, other sounds",
            "response of the selective units to other sounds: its rise with the length",
            values=ours["other"],
            needed=False,
            **about,
        ),
        Part(
            "temporal",
            "interaction over the least selective units",
            f"{first.compared}: most less least selective units",
            values={seed: value - of_least[seed] for seed, value in first.values.items()},
            needed=False,
            **about,
        ),
        *_over_controls(
            study, first, {control: of(control, "interaction") for control in slopes}, about
        ),
    ]


def acoustics(study: Study, units: Conditions, scores: pd.DataFrame) -> list[Part]:
    """Return claim 5 from the units of the reported layer and the condition's decoding.tsv."""
    values = {name: _mean_of_selective(table, "test_partial_d") for name, table in units.items()}
    table = units[study.condition]
    about = {
        "unit": "residual SD",
        "smallest_effect": study.smallest_effects["acoustics"],
        **_clips_of_units(table, study.smallest_effects["acoustics"]),
    }
    first = Part(
        "acoustics",
        "residual effect",
        f"selective units: response to {study.target} less that to other test clips, acoustic "
        "features held equal",
        values=values[study.condition],
        **about,
    )
    of_decoding = {
        "unit": "share of the average precision that features leave to be had",
        "smallest_effect": study.smallest_effects["decoding"],
        "n_clips": int(scores["n_test"].min()) if len(scores) else 0,
        "fault": _clips(table["test_n_target"], table["test_n_other"])["fault"],
    }
    return [
        first,
        Part(
            "acoustics",
            "decoding",
            f"telling {study.target}: acoustic features with the most selective units, less "
            "features alone",
            values=_gain(scores, "units and covariates"),
            **of_decoding,
        ),
        Part(
            "acoustics",
            "decoding from units alone",
            f"telling {study.target}: the most selective units less acoustic features",
            values=_gain(scores, "units"),
            needed=False,
            **of_decoding,
        ),
        *_over_controls(study, first, values, about),
    ]


def lesion(study: Study, table: pd.DataFrame) -> list[Part]:
    """Return claim 6 from lesions.tsv, at the fraction nearest that of the selective units."""
    natural = table[table["group"] == "natural"]
    fractions = np.sort(natural.loc[natural["lesion"] != "none", "fraction"].unique())
    if not len(fractions):
        fault = "no lesion was made"
        smallest = study.smallest_effects["lesion"]
        return [Part("lesion", "top over random", "", "", smallest, fault=fault)]
    nearest = fractions[np.argmin(np.abs(fractions - study.fraction))]
    at = natural[natural["fraction"] == nearest]
    intact = _by_seed(natural[natural["lesion"] == "none"])
    top = _by_seed(at[at["lesion"] == "top"])
    others = {
        "random": (at["lesion"].str.startswith("random"), "as many units at random"),
        "bottom": (at["lesion"] == "bottom", "the least selective units"),
        "middle": (at["lesion"] == "middle", "units of middling selectivity"),
        "norm": (at["lesion"] == "norm", "the units that respond most"),
    }
    parts = []
    for name, (rows, said) in others.items():
        other = _by_seed(at[rows])
        values = {
            seed: (other.get(seed, np.nan) - top.get(seed, np.nan)) / whole if whole else np.nan
            for seed, whole in intact.items()
        }
        parts.append(
            Part(
                "lesion",
                f"top over {name}",
                f"mAP over natural sounds: what silencing the {100 * nearest:.3g}% most selective "
                f"units costs, less what silencing {said} costs",
                "share of the intact mAP",
                study.smallest_effects["lesion"],
                values,
                int(natural["n_clips"].min()),
                needed=name != "norm",
            )
        )
    return parts


def _values(table: pd.DataFrame, column: pd.Series) -> Values:
    return dict(zip(table["seed"].tolist(), column.tolist(), strict=True))


def _clips(n_target: pd.Series, n_other: pd.Series) -> dict:
    """Return how many clips a part rests on, and the fault of too few."""
    target, other = (int(column.min()) if len(column) else 0 for column in (n_target, n_other))
    few = min(target, other) < FEWEST_CLIPS
    fault = f"{target} target and {other} other test clips; {FEWEST_CLIPS} of each are needed"
    return {"n_clips": target + other, "fault": fault if few else ""}


def _clips_of_units(units: pd.DataFrame, smallest: float) -> dict:
    """Return as `_clips` for effects in SD, whose error over clips is known."""
    clips = _clips(units["test_n_target"], units["test_n_other"])
    if not clips["fault"]:
        clips["fault"] = _imprecise(
            units["test_n_target"].min(), units["test_n_other"].min(), smallest
        )
    return clips


def _imprecise(n: int, n_other: int, smallest: float) -> str:
    """Return the fault of a standard error of g over clips that exceeds the effect to be told."""
    error = np.sqrt(1 / n + 1 / n_other) if min(n, n_other) > 0 else np.inf
    if not smallest or error <= smallest:
        return ""
    return f"{n} and {n_other} test clips are too few to tell {smallest:g} SD (error {error:.2g})"


def _adjusted(table: pd.DataFrame) -> Values:
    """Return the index on a scale from what permuted roles give (0) to no overlap (1)."""
    chance = table["coarse_permuted_mean"]
    return _values(table, (table["coarse_index"] - chance) / (1 - chance).where(chance < 1))


def _mean_of_selective(units: pd.DataFrame, column: str) -> Values:
    chosen = units[units["selective"]]
    # A mean that leaves out missing units would be of other units in each network.
    return chosen.groupby("seed")[column].agg(lambda values: values.mean(skipna=False)).to_dict()


def _over_controls(
    study: Study,
    first: Part,
    values: Mapping[str, Values],
    about: Mapping,
    caveats: Mapping[str, str] | None = None,
) -> list[Part]:
    """Return `first` less the same of each control (`values`), paired by seed.

    `about` are the further fields of the parts, which stand beside the claim unless it says that
    they are needed; `caveats` are those of the controls that have one.
    """
    parts = []
    for control in study.controls:
        theirs = values.get(control, {})
        more = {"needed": False, "caveat": (caveats or {}).get(control, ""), **about}
        if control not in values:
            more["fault"] = f"no network of the condition {control} is run"
        parts.append(
            Part(
                first.claim,
                f"{first.name} over {control}",
                f"{first.compared}: {study.condition} less {control} networks of one seed",
                values={
                    seed: value - theirs[seed]
                    for seed, value in first.values.items()
                    if seed in theirs
                },
                paired=True,
                **more,
            )
        )
    return parts


def _unlearnt(study: Study, control: str, recognition: pd.DataFrame) -> str:
    """Say so when a control that can only memorise has not, for then it is nearly untrained."""
    learnt = {name: _above_chance(recognition, name) for name in (study.condition, control)}
    if learnt[control] >= 0.5 * learnt[study.condition]:
        return ""
    return (
        f"{control} networks have not memorised their labels (mAP {learnt[control]:.2g} above "
        f"chance on the clips trained on, {study.condition} {learnt[study.condition]:.2g}), so "
        "they say little"
    )


def _above_chance(recognition: pd.DataFrame, condition: str) -> float:
    """Return the mAP above chance over classes and networks, on the clips trained on."""
    rows = recognition[
        (recognition["condition"] == condition)
        & (recognition["clips"] == "training")
        & (recognition["n_classes"] > 0)
    ]
    above = (rows["mean_average_precision"] - rows["chance"]) * rows["n_classes"]
    return float(above.sum() / rows["n_classes"].sum()) if len(rows) else 0.0


def _slopes(table: pd.DataFrame) -> pd.DataFrame:
    """Return what segments do to the responses: _OF_SEGMENTS by group of units and seed.

    Responses are divided by their standard deviation over intact clips, within roles. `target` and
    `other` are slopes over the logarithm of the segments' length to base 2. What cannot be had is
    NaN.
    """
    table = table.assign(segment_ms=table["segment_ms"].fillna(np.inf))
    lengths = np.sort(table["segment_ms"].unique())
    index = pd.MultiIndex.from_product(
        [("most", "least"), np.sort(table["seed"].unique())], names=["group", "seed"]
    )
    nothing = pd.DataFrame(np.nan, index=index, columns=list(_OF_SEGMENTS))
    if len(lengths) < 3 or lengths[-1] < np.inf:
        return nothing
    wide = table.pivot_table(
        index=["group", "seed"],
        columns=["role", "segment_ms"],
        values=["response", "response_sd", "n_clips"],
        dropna=False,
    )
    columns = pd.MultiIndex.from_product([wide.columns.levels[0], _ROLES, lengths])
    wide = wide.reindex(index=index, columns=columns)
    freedom, sd = (
        wide[name].xs(np.inf, axis=1, level=1).to_numpy() - less
        for name, less in (("n_clips", 1), ("response_sd", 0))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt((freedom * sd**2).sum(axis=1) / freedom.sum(axis=1))
        scale[~(scale > 0)] = np.nan
        responses = wide["response"].to_numpy().reshape(len(wide), len(_ROLES), len(lengths))
        responses = responses / scale[:, None, None]
        octaves = np.log2(lengths[:-1]) - np.log2(lengths[:-1]).mean()
        target, other = (responses[:, :, :-1] @ octaves / (octaves @ octaves)).T
        whole_target, whole_other = responses[:, :, -1].T
        share = np.where(whole_other > 0, other / whole_other, np.nan)
    found = {
        "target": target,
        "other": other,
        "interaction": target - other,
        "in proportion": target - share * whole_target,
        "fall": whole_target - responses[:, 0, 0],
    }
    return pd.DataFrame(found, index=index)


def _gain(scores: pd.DataFrame, features: str) -> Values:
    """Return the average precision of `features` less that of covariates, over what these leave."""
    # Units are taken in blocks; the first is the most selective. Covariates have no rank.
    first = scores[scores["first_rank"].isna() | (scores["first_rank"] == 1)]
    by_seed = first.pivot_table(
        index="seed", columns="features", values="average_precision", dropna=False
    )
    by_seed = by_seed.reindex(columns=["covariates", features])
    left = 1 - by_seed["covariates"]
    gain = (by_seed[features] - by_seed["covariates"]) / left.where(left > 0)
    return {int(seed): float(value) for seed, value in gain.items()}


def _by_seed(table: pd.DataFrame) -> Values:
    grouped = table.groupby("seed")["mean_average_precision"]
    return grouped.agg(lambda values: values.mean(skipna=False)).to_dict()
