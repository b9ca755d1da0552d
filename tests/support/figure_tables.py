"""Made-up tables in the form of the real ones, for the tests of the figures."""

import numpy as np
import pandas as pd

from music_detectors.audio.columns import SPLIT_YIELD, YIELD
from music_detectors.common.tables import write_table
from music_detectors.decoding.columns import DECODING
from music_detectors.embedding.columns import SEGREGATION
from music_detectors.emergence.columns import EMERGENCE
from music_detectors.genres.columns import GENRES
from music_detectors.profiles.columns import (
    COMPONENT_MEANS,
    PROFILE_CATEGORIES,
    PROFILE_COMPONENTS,
    PROFILE_CONTRASTS,
    PROFILE_RATIOS,
    PROFILE_SOUNDS,
)
from music_detectors.profiles.profile import by_category, compared, correlated, ratios_of
from music_detectors.quilts.columns import QUILT_CONDITIONS
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY, UNITS
from music_detectors.specificity.columns import SETS, SPECIFICITY
from music_detectors.spectrograms.shard import write_spectrogram_shard

CONDITIONS = ("natural", "full", "shuffled", "untrained")
# How much each condition learns, between nothing (0) and everything (1).
_SKILL = {"natural": 0.8, "full": 1.0, "shuffled": 0.1, "untrained": 0.0}
_BRANCHES = ("Music", "Human sounds", "Animal", "Sounds of things", "Natural sounds")


def networks(conditions=CONDITIONS, seeds=5):
    return [[condition, seed] for condition in conditions for seed in range(1, seeds + 1)]


def _generator(condition, seed):
    return np.random.default_rng([seed, *condition.encode()])


def history(condition, seed, epochs=12):
    random = _generator(condition, seed)
    if condition == "untrained":
        epoch, loss = np.array([0]), np.array([np.nan])
    else:
        epoch = np.arange(1, epochs + 1)
        loss = 0.05 + 0.3 * np.exp(-epoch / 3) + random.normal(0, 0.004, epochs)
    skill = _SKILL.get(condition, 0.5)
    precision = 0.05 + 0.5 * skill * (1 - np.exp(-epoch / 4)) + random.normal(0, 0.012, len(epoch))
    return pd.DataFrame(
        {
            "epoch": epoch,
            "loss": loss,
            "validation_map": precision.clip(0.01),
            "learning_rate": 0.001,
        }
    )


def recognition_summary(conditions=CONDITIONS, seeds=5):
    rows = []
    for condition, seed in networks(conditions, seeds):
        random = _generator(condition, seed)
        skill = _SKILL.get(condition, 0.5)
        for clips in ("training", "validation", "test"):
            for group, n_classes, chance in (("natural", 370, 0.0045), ("target", 150, 0.0056)):
                gain = 1 + 24 * skill * (1.0 if group == "natural" or condition == "full" else 0.02)
                if clips == "training" and condition == "shuffled":
                    gain = 60.0
                absent = clips != "test" and group == "target" and condition == "natural"
                rows.append(
                    {
                        "condition": condition,
                        "seed": seed,
                        "clips": clips,
                        "group": group,
                        "n_classes": 0 if absent else n_classes,
                        "mean_average_precision": np.nan
                        if absent
                        else chance * gain * random.lognormal(0, 0.06),
                        "mean_average_precision_low": np.nan,
                        "mean_average_precision_high": np.nan,
                        "chance": np.nan if absent else chance,
                        "prevalence": np.nan if absent else 0.9 * chance,
                        "learnt": "yes",
                    }
                )
    return pd.DataFrame(rows)


def clip_responses(condition, seed, target=(120, 90), other=(300, 240), mixed=20):
    random = _generator(condition, seed)
    scale = {"untrained": 0.05, "shuffled": 0.4}.get(condition, 1.0)
    effect = 0.1 + 0.5 * _SKILL.get(condition, 0.5)
    parts = []
    for split, n_target, n_other in zip(("train", "test"), target, other, strict=True):
        for role, n, mean in (
            ("target", n_target, 0.42 + effect),
            ("other", n_other, 0.42),
            ("mixed", mixed, 0.6),
        ):
            parts.append(
                pd.DataFrame(
                    {
                        "clip_id": [f"{split}-{role}-{number}" for number in range(n)],
                        "split": split,
                        "role": role,
                        "response": scale * mean * random.lognormal(0, 0.4, n),
                        "all_units": scale * (0.5 + mean) * random.lognormal(0, 0.2, n),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def class_responses(condition, seed, n_classes=36, n_target=8, names=None):
    classes = np.random.default_rng(n_classes)
    target = np.zeros(n_classes, dtype=bool)
    target[classes.choice(n_classes, n_target, replace=False)] = True
    level = classes.gamma(8, 0.05, n_classes) + 0.45 * target
    responses = level * _generator(condition, seed).lognormal(0, 0.08, n_classes)
    # The last class has no test clip.
    responses[-1] = np.nan
    n_clips = classes.integers(8, 90, n_classes)
    n_clips[-1] = 0
    if names is None:
        names = [
            f"{'Genre' if is_target else 'Sound of a thing'} number {number}"
            for number, is_target in enumerate(target)
        ]
    return pd.DataFrame(
        {
            "index": np.arange(n_classes),
            "mid": [f"/m/{number:04d}" for number in range(n_classes)],
            "name": names,
            "branch": np.where(target, "Music", "Sounds of things"),
            "target": target,
            "genre": target,
            "n_clips": n_clips,
            "response": responses,
            "response_sd": responses * 0.4,
        }
    )


def units(condition, seed, layers=(("conv3", 128), ("avgpool", 256)), fraction=0.125):
    """A units.tsv; columns that no figure shows are zero."""
    random = _generator(condition, seed)
    parts = []
    for layer, n in layers:
        skill = _SKILL.get(condition, 0.5)
        welch_t = random.normal(-2, 3 + 12 * skill, n) + random.gamma(1, 1 + 12 * skill, n)
        rank = np.empty(n, dtype=int)
        rank[np.argsort(-welch_t)] = np.arange(1, n + 1)
        drawn = {
            "layer": layer,
            "reported": layer == "avgpool",
            "unit": np.arange(n),
            "n_target": 5036,
            "n_other": 13324,
            "welch_t": welch_t,
            "rank": rank,
            "selective": rank <= round(fraction * n),
        }
        table = pd.DataFrame({name: drawn.get(name, 0) for name in UNITS}, index=range(n))
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def corpus(per_class=3, classes_per_branch=3, branches=_BRANCHES):
    """The tables of classes and of clips; the third clip of each class has a second label."""
    rows = [
        {
            "mid": f"/m/{place}{number}",
            "name": f"{branch}, kind {number}",
            "branch": branch,
            "target": branch == "Music",
            "genre": False,
        }
        for place, branch in enumerate(branches)
        for number in range(classes_per_branch)
    ]
    classes = pd.DataFrame(rows)
    classes.insert(0, "index", np.arange(len(classes)))
    clips = []
    for place, mid in enumerate(classes["mid"]):
        for number in range(per_class):
            second = [classes["mid"][(place + 1) % len(classes)]] if number == 2 else []
            clips.append(
                {
                    "clip_id": f"clip-{place}-{number}",
                    "split": "test",
                    "shard": "00000",
                    "source": "file",
                    "reference": "a.wav",
                    "start_seconds": 0.0,
                    "end_seconds": np.nan,
                    "labels": ";".join([mid, *second]),
                    "role": "target" if classes["target"][place] else "other",
                    "group": f"clip-{place}-{number}",
                    "listed": False,
                }
            )
    return classes, pd.DataFrame(clips)


def spectrogram_shard(path, clips, frames=120, short=()):
    """Write a shard of made-up log-Mels for `clips`; return the rows of its index.

    The clips named in `short` end at half the length.
    """
    random = np.random.default_rng(7)
    time = np.arange(frames)
    band = np.arange(64)[:, None]
    n = len(clips)
    log_mel = np.empty((n, 64, frames), dtype=np.float16)
    n_frames = np.full(n, frames, dtype=np.int32)
    for place, clip in enumerate(clips["clip_id"]):
        tone = 8 + 3 * (place % 5) + 4 * np.sin(time / (4 + place % 7))
        level = -60 + random.normal(0, 4, (64, frames))
        for harmonic in (1, 1.7, 2.3):
            level += 45 / harmonic * np.exp(-((band - harmonic * tone) ** 2) / 4)
        if clip in short:
            n_frames[place] = frames // 2
            level[:, frames // 2 :] = -100
        log_mel[place] = level
    parameters = {
        "sample_rate": 22050,
        "n_fft": 551,
        "win_length": 551,
        "hop_length": 275,
        "n_mels": 64,
        "f_min": 0.0,
        "f_max": 8000.0,
    }
    labels = np.zeros((n, 1), dtype=bool)
    ids = list(clips["clip_id"])
    write_spectrogram_shard(path, log_mel, n_frames, labels, ids, "original", parameters)
    return pd.DataFrame(
        {"clip_id": clips["clip_id"], "shard": path.stem, "row": np.arange(n), "n_frames": n_frames}
    )


def preferred_units(units):
    """The table of preferred stimuli of `units`; the first has no clip that drives it."""
    table = pd.DataFrame({"unit": units, "layer": "avgpool", "begun_from": "mean"})
    table["rank"] = np.arange(1, len(units) + 1)
    table = table.assign(response_before=0.5, response=2.0, best_response=1.0, ratio=2.0)
    table.loc[0, ["best_response", "ratio"]] = [0.0, np.nan]
    return table


def top_clips(units, clip_ids):
    """The table of the clips that drive `units` most: the first three of `clip_ids` for each."""
    rows = [
        (unit, place + 1, clip_id, 1.0 - place / 4)
        for unit in units
        for place, clip_id in enumerate(clip_ids[:3])
    ]
    return pd.DataFrame(rows, columns=["unit", "place", "clip_id", "response"])


_LOST = (
    ("unavailable", "status 404", 0.002),
    ("unavailable", "private video", 0.055),
    ("unavailable", "account closed", 0.04),
    ("unavailable", "removed", 0.03),
    ("unavailable", "copyright claim", 0.012),
    ("unavailable", "video unavailable", 0.02),
    ("unavailable", "not in this country", 0.008),
    ("unavailable", "age confirmation", 0.006),
    ("missing", "not in the folder", 0.01),
    ("failed_retryable", "timed out", 0.005),
    ("empty", "no sound decoded", 0.002),
    ("ambiguous", "cut or whole video", 0.001),
    ("ambiguous", "several different files", 0.001),
    ("nonfinite", "samples not finite", 0.0005),
    ("damaged", "damaged frames", 0.0005),
)


def yield_tables(n_classes=527, mirror=True, lossless=False):
    """A yield.tsv and its yield_splits.tsv."""
    random = np.random.default_rng(5)
    rows, splits = [], []
    for split, total, mirrored in (("train", 22160, 18685), ("test", 20371, 17142)):
        names = {"*": "all classes"} | {f"/m/{k}": f"Sound number {k}" for k in range(n_classes)}
        for mid, name in names.items():
            asked = total if mid == "*" else int(random.integers(40, 90))
            spread = 1.0 if mid == "*" else random.gamma(8, 1 / 8)
            parts = [] if lossless else [(s, r, round(asked * p * spread)) for s, r, p in _LOST]
            parts += [("short", "shorter than its segment", round(asked * 0.01))]
            parts.insert(0, ("ok", "", asked - sum(n for _, _, n in parts)))
            usable = sum(n for status, _, n in parts if status in ("ok", "short"))
            for status, reason, n in parts:
                example = "clip: why" if mid == "*" and status not in ("ok", "short") else ""
                if n:
                    rows.append((split, mid, name, status, reason, n, n / asked, example))
            if mid == "*":
                held = float(mirrored) if mirror else np.nan
                splits.append((split, asked, usable, usable / asked, held, held / asked))
    return pd.DataFrame(rows, columns=list(YIELD)), pd.DataFrame(splits, columns=list(SPLIT_YIELD))


def quilt_responses(condition, seeds=5, lengths=(50, 100, 200, 400, 800, 1600)):
    """A responses.tsv of quilts: responses to target clips grow with segment length."""
    rows = []
    skill = _SKILL.get(condition, 0.5)
    for seed in range(1, seeds + 1):
        random = _generator(condition, seed)
        scale = random.uniform(0.7, 1.3)
        for segment_ms in (np.nan, *lengths):
            quilted = 0.0 if np.isnan(segment_ms) else np.log2(2 * max(lengths) / segment_ms)
            for group, level in (("most", 0.5), ("least", 0.15)):
                for role, gain in (("target", 0.4 * skill), ("other", 0.0)):
                    effect = gain * (1 - 0.08 * quilted) if group == "most" else 0.0
                    rows.append(
                        {
                            "seed": seed,
                            "split": "test",
                            "stimulus": "intact" if not quilted else f"quilt-{segment_ms}ms",
                            "segment_ms": segment_ms,
                            "group": group,
                            "role": role,
                            "n_clips": 90 if role == "target" else 240,
                            "response": scale * (level + effect) + random.normal(0, 0.01),
                            "response_sd": 0.2,
                        }
                    )
    return pd.DataFrame(rows)


def _intact(responses):
    """The rows of quilts in a responses.tsv, and for each the response to intact clips."""
    keys = ["seed", "group", "role"]
    whole = responses[responses["segment_ms"].isna()].set_index(keys)["response"]
    quilts = responses[responses["segment_ms"].notna()].reset_index(drop=True)
    return quilts, whole.loc[pd.MultiIndex.from_frame(quilts[keys])].to_numpy()


def quilt_intact(condition, seeds=5):
    """An intact.tsv of quilts."""
    quilts, intact = _intact(quilt_responses(condition, seeds))
    relative, difference = quilts["response"] / intact, quilts["response"] - intact
    return quilts.assign(intact=intact, relative=relative, difference=difference)


def quilt_conditions(reference, conditions, seeds=5):
    """A conditions.tsv of quilts in which the shortest segments differ."""
    tables = []
    for condition in conditions:
        table = quilt_intact(condition, seeds)
        table = table[table["seed"] == 1].assign(condition=condition, reference=reference)
        numbers = {name: 0.1 for name in QUILT_CONDITIONS if name not in table}
        table = table.assign(**numbers | {"n_networks": seeds})
        tables.append(table.assign(p_holm=np.where(table["segment_ms"] == 50, 0.01, 0.3)))
    return pd.concat(tables)


def quilt_genres(seeds=5, n=7):
    """A genres.tsv of quilts; the last genre has a single clip."""
    table = quilt_responses("natural", seeds)
    table = table[table["role"] == "target"]
    genres = [
        table.assign(mid=f"/m/{k}", name=f"Genre {k} $x$", n_clips=9 if k < n - 1 else 1)
        for k in range(n)
    ]
    return pd.concat(genres)


def levels(condition, seeds=5, levels_db=(0, -6, -18)):
    """A levels.tsv in which the effect shrinks as the target gets quieter."""
    rows = []
    for seed in range(1, seeds + 1):
        random = _generator(condition, seed)
        for level in levels_db:
            for group in ("most", "least"):
                gain = _SKILL.get(condition, 0.5) * (1 + level / 40) if group == "most" else 0.0
                rows.append(
                    {
                        "seed": seed,
                        "level_db": level,
                        "group": group,
                        "n_target": 90,
                        "n_other": 240,
                        "response_target": 1 + gain,
                        "response_other": 1.0,
                        "ratio": 1 + gain + random.normal(0, 0.02),
                        "hedges_g": 1.5 * gain + random.normal(0, 0.02),
                    }
                )
    return pd.DataFrame(rows)


LAYERS = {"conv1": 32, "conv2": 64, "conv3": 128, "avgpool": 256, "fc1": 256}


def selectivity_summary(conditions=CONDITIONS, seeds=5):
    """A summary.tsv of selectivity; covariates leave 0.62 to 0.70 of the difference, by seed."""
    rows = []
    for condition, seed in networks(conditions, seeds):
        random = _generator(condition, seed)
        for layer, n_units in LAYERS.items():
            # The effect of untrained networks has both signs.
            g = 1.5 * _SKILL.get(condition, 0.5) + 0.1 * (-1) ** seed * random.uniform(0.9, 1)
            row = {name: kind() for name, kind in SELECTIVITY_SUMMARY.items()}
            rows.append(
                row
                | {
                    "condition": condition,
                    "seed": seed,
                    "layer": layer,
                    "n_units": n_units,
                    "n_significant_permutation": int(random.integers(n_units)),
                    "n_target_test": 5036,
                    "n_other_test": 13324,
                    "test_auc": 0.5 + 0.2 * g,
                    "test_hedges_g": g,
                    "response_hedges_g": g,
                    "response_partial_d": 0.8 * g,
                    "test_cluster_t": 20 * g,
                    "test_partial_t": 14 * g,
                    "test_ratio": 1 + 0.7 * g,
                    "test_all_common_language": 0.5 + 0.1 * g,
                    "test_mean_target": 3 * g,
                    "test_mean_other": 1 * g,
                    "test_partial_difference": 2 * g * (0.6 + 0.02 * seed),
                }
            )
    return pd.DataFrame(rows)


def genres(condition, seeds=3, n=6):
    rows = []
    for seed in range(1, seeds + 1):
        random = _generator(condition, seed)
        for number in range(n):
            row = {name: 0 if kind is int else 0.5 for name, kind in GENRES.items()}
            rows.append(
                row
                | {
                    "seed": seed,
                    "mid": f"/m/{number}",
                    "name": f"Genre {number}",
                    "n_clips": 10 + number,
                    "n_other": 1300,
                    "hedges_g": number % 4 + random.normal(0, 0.1),
                    "p_holm": 0.01 if number % 4 > 1 else 0.4,
                }
            )
    return pd.DataFrame(rows)


def decoding(condition, seeds=5, blocks=8, block_size=32, fixed=(), genres=()):
    rows = []
    for seed in range(1, seeds + 1):
        random = _generator(condition, seed)
        for block in range(blocks):
            first = block_size * block + 1
            precision = 0.35 + 0.5 * np.exp(-block / 2) + random.normal(0, 0.03)
            rows.append((seed, "units", first, first + block_size - 1, block_size, precision))
        rows.append((seed, "covariates", np.nan, np.nan, 16, 0.71))
        rows.append((seed, "units and covariates", 1, block_size, 48, 0.9 + 0.01 * seed))
        last, most = block_size * blocks, 0.93 + 0.005 * seed
        rows.append((seed, "all units", 1, last, last, most))
        for place, name in enumerate(fixed):
            rows.append((seed, f"all units and {name}", 1, last, last + 9, most + 0.01 * place))
    columns = ("seed", "features", "first_rank", "last_rank", "n_features", "average_precision")
    table = pd.DataFrame(rows, columns=columns)
    table = table.assign(genre="", n_train=5012, n_test=4300, chance=0.29)
    of_units = table[table["features"].isin(["units", "all units"])]
    parts = [table]
    for place, mid in enumerate(genres):
        part = of_units.assign(genre=mid, n_train=3900, n_test=3400, chance=0.02)
        parts.append(
            part.assign(average_precision=part["average_precision"] * (0.9 - 0.02 * place))
        )
    table = pd.concat(parts, ignore_index=True)
    matched = ("n_test", "average_precision", "chance")
    return table.assign(**{f"matched_{name}": table[name] for name in matched})[list(DECODING)]


def embedding_points(condition, seeds=3, n=(60, 140)):
    role = np.repeat(["target", "other"], n)
    parts = []
    for seed in range(1, seeds + 1):
        random = _generator(condition, seed)
        parts.append(
            pd.DataFrame(
                {
                    "seed": seed,
                    "clip_id": [f"clip-{number}" for number in range(sum(n))],
                    "role": role,
                    "x": random.normal(0, 10, sum(n)) + 12 * (role == "target"),
                    "y": random.normal(0, 4, sum(n)),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def emergence(condition, seeds=3, epochs=(0, 1, 3, 10)):
    """A table of emergence whose measures differ between networks and grow with the epoch."""
    random = _generator(condition, seeds)
    rows = []
    for seed in range(1, seeds + 1):
        for epoch in epochs:
            row = {name: random.uniform(0.2, 0.3) + epoch / 20 for name in EMERGENCE}
            row |= {"seed": seed, "epoch": epoch, "n_target": 60, "n_other": 140}
            row |= {"matched_n_target": 60, "matched_n_other": 140}
            rows.append(row | {"chance": 0.05, "decoding_chance": 0.3, "ratio": 1 + row["ratio"]})
    return pd.DataFrame(rows)


def emergence_points(epochs=(0, 1, 3, 10)):
    first = embedding_points("natural", seeds=1)
    return pd.concat([first.assign(epoch=epoch) for epoch in epochs], ignore_index=True)


def segregation(condition, seeds=3, bins=9):
    random = _generator(condition, seeds)
    columns = {
        name: random.uniform(0.2, 0.6, seeds) if kind is float else bins
        for name, kind in SEGREGATION.items()
    }
    return pd.DataFrame(columns | {"seed": range(1, seeds + 1)})[list(SEGREGATION)]


def specificity(condition, seeds=3):
    """Return the table of the target among sets of classes, with rows of another branch."""
    random = _generator(condition, seeds)
    columns = {
        name: random.uniform(0.2, 0.6, seeds) if kind is float else 5
        for name, kind in SPECIFICITY.items()
    }
    columns |= {"target_by": "classes", "other_by": "classes", "p": 0.0123, "segregation_p": 0.5}
    own = pd.DataFrame(columns | {"seed": range(1, seeds + 1), "withheld_by": ""})
    return pd.concat([own, own.assign(withheld_by="no-things", effect=9.0)])[list(SPECIFICITY)]


def random_sets(condition, seeds=3, n_sets=40):
    """Return the table of random sets of classes, of which some are measured on held-out ones."""
    random = _generator(condition, seeds)
    held_out = np.where(np.arange(n_sets) < 20, random.normal(size=n_sets), np.nan)
    columns = {"set": range(1, n_sets + 1), "classes": "/m/a;/m/b", "n_target": 5, "n_other": 9}
    columns |= {name: random.normal(size=n_sets) for name in ("effect", "segregation")}
    return pd.DataFrame(columns | {"held_out": held_out})[list(SETS)]


def written(folder, name, tables, columns):
    """Write `tables` under `folder`; return their paths, `name`-0.tsv and so on."""
    paths = [folder / f"{name}-{number}.tsv" for number in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        write_table(path, table, columns)
    return paths


def profiles(probes=("mine",), conditions=CONDITIONS, seeds=5):
    """Return the tables of profiles by name, with their columns; probe sets in their order."""
    columns = {
        "sounds": PROFILE_SOUNDS,
        "categories": PROFILE_CATEGORIES,
        "contrasts": PROFILE_CONTRASTS,
        "ratios": PROFILE_RATIOS,
        "components": PROFILE_COMPONENTS,
        "component_means": COMPONENT_MEANS,
    }
    made = {name: ([], of_table) for name, of_table in columns.items()}
    category = np.repeat(["Music", "Song", "Speech", "Birds and $b$", "Nature"], [6, 3, 4, 1, 5])
    is_target = np.isin(category, ["Music", "Song"])
    numbers = list(range(1, seeds + 1))
    for probe in probes:
        names = [f"{probe}-{number}" for number in range(len(category))]
        listed = pd.DataFrame({"sound": names, "category": category, "target": is_target})
        for condition in conditions:
            random = _generator(condition, len(probe))
            skill = _SKILL.get(condition, 0.5)
            values = random.gamma(4, 0.1, (seeds, len(names))) + skill * 0.4 * is_target
            rows = pd.concat(
                [
                    listed.assign(seed=k, response=row)
                    for k, row in zip(numbers, values, strict=True)
                ],
                ignore_index=True,
            )
            counts = random.multinomial(len(names), np.full(len(names), 1 / len(names)), 50)
            reference = random.standard_normal((3, len(names))) + 2 * is_target
            of_networks, means = correlated(
                values, reference, ["low", "pitch", "a_$long$ name of it"], counts, numbers
            )
            for name, table in (
                ("sounds", rows),
                ("categories", by_category(rows)),
                ("contrasts", compared(values, listed)),
                ("ratios", ratios_of(values, is_target, numbers)),
                ("components", of_networks),
                ("component_means", means),
            ):
                made[name][0].append(table)
    return made
