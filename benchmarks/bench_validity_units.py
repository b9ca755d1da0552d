"""Simulate errors and coverage of the statistics of units, on null data and on planted effects.

Units are rectified sums of shared and own noise: correlated, skewed, and silent for most clips.
Every design is that of a layer of 64 units of one network, drawn anew in each run.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control
from threadpoolctl import threadpool_limits

from music_detectors.common.parts import Parts
from music_detectors.selectivity.effects import effects
from music_detectors.selectivity.grouped import grouped_effects
from music_detectors.selectivity.permutation import permutation_p

UNITS = 64
ALPHA = 0.05
PERMUTATIONS = 199
# With fewer, one unit alone could not be significant.
PERMUTATIONS_FOR_ONE_UNIT = 1999
EFFECT = 0.6
INTERVAL_RUNS = 200


@dataclass(frozen=True)
class Design:
    """Groups of each role, the clips of a group, and how much clips of a group or class share."""

    name: str
    target: int
    other: int
    sizes: str = "1"
    icc: float = 0.0
    classes: int = 0
    both: float = 0.0
    sparse: bool = False

    def groups(self, random):
        """Return the clips' group and whether it is one of the target's."""
        n = self.target + self.other
        sizes = {
            "1": lambda: np.ones(n, dtype=int),
            "10": lambda: np.full(n, 10),
            "1 to 20": lambda: np.minimum(random.geometric(0.25, size=n), 20),
            "10 and 1": lambda: np.where(np.arange(n) < self.target, 10, 1),
        }[self.sizes]()
        group = np.repeat(np.arange(n), sizes)
        is_target = group < self.target
        if self.both:
            shared = random.random(n) < self.both
            is_target = np.where(shared[group], random.random(len(group)) < 0.3, is_target)
        return group, is_target

    def responses(self, random, group, units=UNITS):
        """Return responses (clips, units) that do not depend on the role."""
        shared = group
        if self.classes:
            # Classes of sounds lie within a role, and are not named as groups.
            per_role = self.classes // 2
            shared = np.where(group < self.target, 0, per_role) + group % per_role

        def noise(columns):
            of_group = random.normal(size=(shared.max() + 1, columns))[shared]
            own = random.normal(size=(len(group), columns))
            return np.sqrt(self.icc) * of_group + np.sqrt(1 - self.icc) * own

        loads = 0.6 * random.normal(size=(8, units))
        bias = random.normal(-0.8, 0.8, units)
        if self.sparse:
            bias = bias - 2
        return np.maximum(noise(8) @ loads + 0.8 * noise(units) + bias, 0) ** 1.5


DESIGNS = [
    Design("120 and 360 clips", 120, 360),
    Design("8 and 240 clips, sparse units", 8, 240, sparse=True),
    Design("20 and 300 clips, sparse units", 20, 300, sparse=True),
    Design("20 and 40 recordings of 10 clips, icc 0.5", 20, 40, "10", 0.5),
    Design("20 and 40 recordings of 1 to 20 clips, icc 0.5", 20, 40, "1 to 20", 0.5),
    Design("10 and 20 recordings of 1 to 20 clips, icc 0.5", 10, 20, "1 to 20", 0.5),
    Design("30 and 90 recordings of 1 to 20 clips, icc 0.3", 30, 90, "1 to 20", 0.3),
    Design("20 recordings of 10 and 200 of one clip, icc 0.5", 20, 200, "10 and 1", 0.5),
    Design("60 recordings of 10 clips, half with both roles", 20, 40, "10", 0.5, both=0.5),
    Design("120 and 360 clips of 10 and 10 classes, icc 0.1", 120, 360, icc=0.1, classes=20),
]


def of_design(design, runs, seconds):
    """Return the shares of runs with a false rejection for one design."""
    random = np.random.default_rng(21)
    rejected = dict.fromkeys(("max t", "max t of clips"), 0)
    done, start = 0, time.time()
    while done < runs and time.time() - start < seconds:
        group, is_target = design.groups(random)
        y = design.responses(random, group)
        for name, groups in (("max t", group), ("max t of clips", np.arange(len(group)))):
            _, p, _ = p_of(y, Parts(groups, is_target), PERMUTATIONS, random)
            rejected[name] += p.min() <= ALPHA
        done += 1
    return done, {name: count / done for name, count in rejected.items()}


def of_false_discoveries(design, runs, seconds):
    """Return the shares of runs in which the procedure of Benjamini and Hochberg rejects any."""
    random = np.random.default_rng(23)
    rejected = dict.fromkeys(("permutation p", "Student's p"), 0)
    done, start = 0, time.time()
    while done < runs and time.time() - start < seconds:
        group, is_target = design.groups(random)
        y = design.responses(random, group)
        own, _, student = p_of(y, Parts(group, is_target), PERMUTATIONS_FOR_ONE_UNIT, random)
        for name, p in (("permutation p", own), ("Student's p", student)):
            rejected[name] += false_discovery_control(p).min() < ALPHA
        done += 1
    return done, {name: count / done for name, count in rejected.items()}


def p_of(y, parts, permutations, random):
    """Return own and corrected permutation p of cluster_t, and Student's p of Welch's t."""
    is_target = parts.is_target[parts.of_clip]
    found = effects(y[is_target], y[~is_target])
    observed = found | grouped_effects(y, parts)
    own, p = permutation_p(y, parts, observed, permutations, random)
    return own, p["cluster_t"], found["p"]


def coverage(design, runs):
    """Return the share of 95 % intervals of g that hold the effect, and those of clips alone.

    The effect is known for normal units: EFFECT standard deviations of a clip.
    """
    random = np.random.default_rng(22)
    held, n = np.zeros(2), 0
    for _ in range(runs):
        group, is_target = design.groups(random)
        of_group = random.normal(size=(group.max() + 1, UNITS))[group]
        own = random.normal(size=(len(group), UNITS))
        y = np.sqrt(design.icc) * of_group + np.sqrt(1 - design.icc) * own
        y += EFFECT * is_target[:, None]
        for place, groups in enumerate((group, np.arange(len(group)))):
            found = grouped_effects(y, Parts(groups, is_target))
            inside = (found["hedges_g_low"] <= EFFECT) & (EFFECT <= found["hedges_g_high"])
            held[place] += inside.sum()
        n += UNITS
    return dict(zip(("groups", "clips"), held / n, strict=True))


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=1000)
    arguments.add_argument("--seconds", type=float, default=300, help="at most, for a design")
    options = arguments.parse_args()
    with threadpool_limits(1):
        print("null runs in which the largest t is significant at 5 %: groups and clips permuted")
        for design in DESIGNS:
            runs, shares = of_design(design, options.runs, options.seconds)
            print(f"  {design.name}: {runs} runs, {_shown(shares)}", flush=True)
        print("null runs with any p_fdr below 0.05")
        for design in DESIGNS:
            runs, shares = of_false_discoveries(design, options.runs, options.seconds)
            print(f"  {design.name}: {runs} runs, {_shown(shares)}", flush=True)
        print(f"intervals with the effect, {INTERVAL_RUNS * UNITS:,} of each: groups, clips")
        for design in DESIGNS:
            if not (design.classes or design.both):
                print(f"  {design.name}: {_shown(coverage(design, INTERVAL_RUNS))}", flush=True)


def _shown(shares):
    return ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())


if __name__ == "__main__":
    main()
