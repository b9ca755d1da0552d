"""The power of a planned run, from simulated networks and sounds that are judged as real ones."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.special import ndtr

from music_detectors.claims.columns import CLAIMS, WHOLE
from music_detectors.claims.inference import Part, claims_table
from music_detectors.jackknife.blocks import MOST
from music_detectors.plan.assumed import Assumed, assumed
from music_detectors.plan.parts import Planned

RUNS = 200
_SEED = 20


def planned_power(
    parts: Sequence[Planned], corpus: Mapping, networks: int, alpha: float, min_networks: int
) -> dict:
    """Return the shares of simulated runs with each verdict on each claim.

    `corpus` is that of a plan (music_detectors.plan.clips), `networks` the number of networks of
    the condition that is claimed about. Effects and errors are those of
    music_detectors.plan.assumed.
    """
    known = [(part, assumed(part), groups_of(part, corpus)) for part in parts]
    verdicts = shares(
        lambda rng: [
            simulated_part(part, of_part, networks, groups, rng) for part, of_part, groups in known
        ],
        alpha=alpha,
        min_networks=min_networks,
        runs=RUNS,
        seed=_SEED,
    )
    return {"runs": RUNS, "claims": [{"claim": claim, **verdicts[claim]} for claim in CLAIMS]}


def shares(
    draw: Callable[[np.random.Generator], Sequence[Part]],
    *,
    alpha: float,
    min_networks: int,
    runs: int,
    seed: int,
) -> dict[str, dict[str, float]]:
    """Return the share of `runs` with each verdict, by claim; `draw` returns the parts of a run."""
    rng = np.random.default_rng(seed)
    found: dict[str, Counter[str]] = {claim: Counter() for claim in CLAIMS}
    for _ in range(runs):
        table = claims_table(draw(rng), alpha=alpha, min_networks=min_networks)
        whole = table[table["part"] == WHOLE]
        for claim, verdict in zip(whole["claim"], whole["verdict"], strict=True):
            found[claim][verdict] += 1
    return {claim: {v: count / runs for v, count in of.items()} for claim, of in found.items()}


def groups_of(part: Planned, corpus: Mapping) -> tuple[int, int]:
    """Return the numbers of test groups that the sounds' error of `part` rests on: of the target
    (or of the genre), and of other clips."""
    roles = {(row["split"], row["role"]): row["groups"] for row in corpus["roles"]}
    target, other = (roles.get(("test", role), 0) for role in ("target", "other"))
    if part.claim == "genres":
        of_genres = {row["name"]: row["test"]["groups"] for row in corpus["genres"]}
        target = of_genres.get(part.part, target)
    return target, other


def simulated_part(
    part: Planned,
    of_part: Assumed,
    networks: int,
    groups: tuple[int, int],
    rng: np.random.Generator,
    *,
    effect: float | None = None,
) -> Part:
    """Return `part` with the estimates of simulated `networks`, with and without each block.

    An estimate is the effect (`effect`, or the assumed one) plus what the sounds add to all
    networks alike, plus what a network adds; the sounds' error is that for `groups` (target,
    other). All are normal. The place of the target among random sets varies by one SD of these,
    so without an effect it is any set of classes.
    """
    value = of_part.effect if effect is None else effect
    target, other = (max(number, 2) for number in groups)
    sounds = of_part.sounds * np.sqrt(50 / target + 50 / other)
    n_blocks = min(MOST, target, other)
    values = value + sounds * rng.standard_normal()
    values = values + of_part.networks * rng.standard_normal(networks)
    # The jackknife's variance of these is that of the sounds.
    shifts = sounds * np.sqrt(n_blocks) / (n_blocks - 1) * rng.standard_normal(n_blocks)
    seeds = range(1, networks + 1)
    return Part(
        part.claim,
        part.part,
        "",
        "",
        part.smallest_effect,
        dict(zip(seeds, values.tolist(), strict=True)),
        equivalence=part.equivalence,
        fault=part.fault,
        rank_p=float(ndtr(-value - rng.standard_normal())) if part.by_rank else None,
        left_out={
            block: dict(zip(seeds, (values + shift).tolist(), strict=True))
            for block, shift in enumerate(shifts.tolist())
        },
    )
