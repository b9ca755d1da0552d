"""Made-up tables of lesions in the shape of the real ones, for the tests of the figures."""

import numpy as np
import pandas as pd

FRACTIONS = (0.03125, 0.125, 0.5)
NAMED = {"top": -0.4, "middle": -0.02, "bottom": -0.1, "norm": -0.3}
SCORED = (("natural", "all"), ("natural", "other"), ("target", "all"))
DRIVE = {"matched-drive-0001": -0.25, "matched-drive-0002": -0.15}


def lesions(condition, seeds=3, fractions=FRACTIONS, draws=25, n_target_classes=10):
    """A lesions.tsv in which a lesion costs in proportion to its size; `random` a little."""
    rows = []
    for seed in range(1, seeds + 1):
        random = np.random.default_rng([seed, *condition.encode()])
        for group, clips in SCORED:
            n_classes = 30 if group == "natural" else n_target_classes
            none = random.uniform(0.2, 0.4) if n_classes else np.nan
            common = {"seed": seed, "layer": "avgpool", "group": group, "n_classes": n_classes}
            common |= {"clips": clips, "set_to": "zero", "chance": 0.05}
            common |= {"response": 0.4, "drive": 2.0}
            rows.append(common | {"lesion": "none", "fraction": 0.0, "n_units": 0, "change": 0.0})
            rows[-1] |= {"set_to": "", "response": np.nan, "drive": np.nan}
            for fraction in fractions:
                drawn = random.normal(-0.02, 0.01, draws) * fraction
                costs = {name: cost * fraction for name, cost in NAMED.items()}
                costs |= {name: cost * fraction for name, cost in DRIVE.items()}
                costs |= {f"random-{n:04d}": cost for n, cost in enumerate(drawn, 1)}
                for name, cost in costs.items():
                    row = {"lesion": name, "fraction": fraction, "n_units": round(256 * fraction)}
                    share = np.mean(drawn <= cost) if name in NAMED else np.nan
                    rows.append(common | row | {"change": cost, "percentile": share})
            for row in rows[-1 - len(fractions) * (draws + 4 + len(DRIVE)) :]:
                row["mean_average_precision"] = none + row["change"]
                row["n_clips"] = 1340 if clips == "all" else 1100
    table = pd.DataFrame(rows)
    table.loc[table["n_classes"] == 0, ["change", "percentile"]] = np.nan
    return table


def lesion_classes(seeds=3, fractions=FRACTIONS, n_classes=36, n_target=6):
    """A classes.tsv; the first class has no test clip, the last `n_target` are the target's."""
    parts = []
    weight = np.random.default_rng(n_classes).uniform(-1, 0.3, n_classes)
    about = pd.DataFrame(
        {
            "index": np.arange(n_classes),
            "mid": [f"/m/{n}" for n in range(n_classes)],
            "name": [f"Sound number {n}" for n in range(n_classes)],
            "group": np.where(np.arange(n_classes) < n_classes - n_target, "natural", "target"),
            "n_positive": np.arange(n_classes),
            "layer": "avgpool",
        }
    )
    for seed in range(1, seeds + 1):
        random = np.random.default_rng([seed, n_classes])
        none = random.uniform(0.1, 0.9, n_classes)
        none[0] = np.nan
        part = about.assign(seed=seed, lesion="none", fraction=0.0, average_precision=none)
        parts.append(part.assign(change=none - none, random_mean=np.nan, random_sd=np.nan))
        for fraction in fractions:
            for name, cost in NAMED.items():
                change = -cost * fraction * weight + random.normal(0, 0.005, n_classes)
                part = about.assign(seed=seed, lesion=name, fraction=fraction, change=change)
                part["average_precision"] = none + change
                parts.append(part.assign(random_mean=none - 0.01, random_sd=0.02))
    return pd.concat(parts, ignore_index=True)
