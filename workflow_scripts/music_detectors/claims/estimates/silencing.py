"""The claim about silenced units: lesion."""

import numpy as np
import pandas as pd

from music_detectors.claims.inference import Part
from music_detectors.claims.study import Measured, Study, Values


def lesion(study: Study, measured: Measured) -> list[Part]:
    """Return claim 10 from lesions.tsv, at the fraction nearest that of the selective units."""
    table, smallest = measured.lesions, study.smallest_effects["lesion"]
    natural = table[table["group"] == "natural"]
    fractions = np.sort(natural.loc[natural["lesion"] != "none", "fraction"].unique())
    if not len(fractions):
        return [Part("lesion", "top over middle", "", "", smallest, fault="no lesion was made")]
    nearest = fractions[np.argmin(np.abs(fractions - study.fraction))]
    at_nearest = natural[natural["fraction"] == nearest]
    intact = _mean_precision(natural[natural["lesion"] == "none"])
    top = _mean_precision(at_nearest[at_nearest["lesion"] == "top"])
    kind = at_nearest["lesion"]
    others = {
        "middle": (kind == "middle", "units of middling selectivity"),
        "bottom": (kind == "bottom", "the least selective units"),
        "norm": (kind == "norm", "the units that respond most"),
        "random": (kind.str.startswith("random"), "as many randomly drawn units"),
    }
    parts = []
    for name, (rows, units) in others.items():
        other = _mean_precision(at_nearest[rows])
        values = {
            seed: (other.get(seed, np.nan) - top.get(seed, np.nan)) / precision
            if precision
            else np.nan
            for seed, precision in intact.items()
        }
        parts.append(
            Part(
                "lesion",
                f"top over {name}",
                "loss of mAP over natural sounds: silencing the "
                f"{100 * nearest:.3g}% most selective units, minus silencing {units}",
                "share of the intact mAP",
                smallest,
                values,
                int(natural["n_clips"].min()),
                needed=name != "random",
                here=float(np.mean(list(values.values()))) if values else np.nan,
            )
        )
    return parts


def _mean_precision(table: pd.DataFrame) -> Values:
    grouped = table.groupby("seed")["mean_average_precision"]
    return grouped.agg(lambda values: values.mean(skipna=False)).to_dict()
