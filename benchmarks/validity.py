"""Simulated networks and sounds, whose truth is known, judged by the workflow's own functions."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from music_detectors.claims.columns import CLAIMS, NOT_SUPPORTED, PRESENT, SUPPORTED, WHOLE
from music_detectors.claims.inference import Mean, Part, claims_table, crossed_mean
from music_detectors.common.average_precision import average_precision
from music_detectors.jackknife.assign import blocks_of
from music_detectors.jackknife.blocks import blocks_in
from music_detectors.jackknife.variance import Source, reach_of, variance_of
from music_detectors.plan.assumed import assumed
from music_detectors.plan.parts import Planned
from music_detectors.plan.power import simulated_part
from music_detectors.selectivity.effects import hedges_g, moments


class Sounds(NamedTuple):
    """How test clips come about: groups of the target and of other clips, and what they share."""

    target: int = 80
    other: int = 240
    clips: int = 1
    """Clips of a group; of unequal groups, their mean."""
    unequal: bool = False
    """Whether the sizes of groups vary as a geometric distribution, up to 20 clips."""
    shared: float = 0.0
    """The correlation of the clips of a group."""
    sparse: bool = False
    """Whether responses are rectified, so that most are zero."""
    groups_of_class: int = 1
    """Groups of a class of sounds; a class is of the target or of others."""
    shared_by_class: float = 0.0
    """The correlation of the clips of different groups of a class."""


class Responses(NamedTuple):
    """Responses (clips, networks), and each clip's role, group and class of sounds (clips,)."""

    values: np.ndarray
    is_target: np.ndarray
    groups: np.ndarray
    classes: np.ndarray

    def draws(self) -> dict[str, np.ndarray]:
        """Return the number (clips,) of each clip's draw, by what is one draw of a sound."""
        clips = np.arange(len(self.groups))
        return {"clips": clips, "groups": self.groups, "classes": self.classes}


# Of the embedded corpus: standard deviations over clips, over clips and networks, and over networks
# of what a network adds to the effect, in SD of responses.
_OF_CLIPS, _OF_BOTH, _OF_NETWORKS = 0.9, 0.35, 0.17


def responses(
    sounds: Sounds,
    networks: int,
    effect: float,
    rng: np.random.Generator,
    added: np.ndarray | None = None,
) -> Responses:
    """Return the responses of `networks` networks to clips of the target and to others.

    The target adds `effect` SD, and in each network what is `added` (networks,), drawn if it is not
    given, before what is sparse is rectified.
    """
    if added is None:
        added = _OF_NETWORKS * rng.standard_normal(networks)
    groups = sounds.target + sounds.other
    sizes = np.full(groups, sounds.clips)
    if sounds.unequal:
        sizes = np.minimum(rng.geometric(1 / sounds.clips, groups), 20)
    of_clip = np.repeat(np.arange(groups), sizes)
    is_target = of_clip < sounds.target
    # The first group of others begins a class.
    of_role = np.r_[np.arange(sounds.target), np.arange(sounds.other)]
    classes = (np.cumsum(of_role % sounds.groups_of_class == 0) - 1)[of_clip]

    def of_sounds(columns: int) -> np.ndarray:
        own = rng.standard_normal((len(of_clip), columns))
        found = np.sqrt(1 - sounds.shared - sounds.shared_by_class) * own
        for share, place in ((sounds.shared, of_clip), (sounds.shared_by_class, classes)):
            if share:
                found += np.sqrt(share) * rng.standard_normal((place[-1] + 1, columns))[place]
        return found

    values = _OF_CLIPS * of_sounds(1) + _OF_BOTH * of_sounds(networks)
    spread = np.hypot(_OF_CLIPS, _OF_BOTH)
    values += is_target[:, None] * spread * (effect + added)
    if sounds.sparse:
        values = np.maximum(values - 1.2, 0) ** 1.5
    return Responses(values, is_target, of_clip, classes)


def g_of(values: np.ndarray, is_target: np.ndarray) -> np.ndarray:
    """Return Hedges' g (networks,) of the responses (clips, networks)."""
    return hedges_g(moments(values[is_target]), moments(values[~is_target]))


def precision_of(values: np.ndarray, is_target: np.ndarray) -> np.ndarray:
    """Return the average precision (networks,) of the responses (clips, networks) as scores."""
    return average_precision(values, np.repeat(is_target[:, None], values.shape[1], axis=1))


Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]


def left_out(
    heard: Responses, statistic: Statistic, draws: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the statistic (blocks, networks) without each block; `draws` (clips,) are divided."""
    roles = np.where(heard.is_target, "target", "other")
    blocks = blocks_of(draws.astype(str), roles, rng)
    return np.array(
        [
            statistic(heard.values[blocks != block], heard.is_target[blocks != block])
            for block in blocks_in(blocks)
        ]
    )


@cache
def truth(statistic: Statistic, sounds: Sounds, effect: float, seed: int) -> float:
    """Return the mean of the statistic over twenty networks that hear 400,000 clips.

    What the networks add are quantiles of its distribution.
    """
    added = _OF_NETWORKS * ndtri((np.arange(20) + 0.5) / 20)
    times = 400_000 // ((sounds.target + sounds.other) * sounds.clips)
    many = sounds._replace(target=sounds.target * times, other=sounds.other * times)
    found = responses(many, 20, effect, np.random.default_rng(seed), added)
    return float(statistic(found.values, found.is_target).mean())


def coverage(
    statistic: Statistic,
    sounds: Sounds,
    networks: int,
    *,
    effect: float,
    runs: int,
    seed: int,
    confidence: float = 0.95,
) -> dict[str, float]:
    """Return the share of runs in which each interval of the mean contains the truth.

    The intervals are that over networks alone, and the crossed ones with each kind of draw of
    sounds that the `sounds` have: groups, clips where these are not the groups, and classes.
    """
    rng, value = np.random.default_rng(seed), truth(statistic, sounds, effect, 1)
    kinds = ["groups"]
    kinds += ["clips"] * (sounds.clips > 1) + ["classes"] * (sounds.groups_of_class > 1)
    hits = dict.fromkeys(("networks", *kinds), 0)
    for _ in range(runs):
        heard = responses(sounds, networks, effect, rng)
        estimates = statistic(heard.values, heard.is_target)
        draws = heard.draws()
        for kind in kinds:
            mean = crossed_mean(estimates, left_out(heard, statistic, draws[kind], rng))
            hits[kind] += abs(mean.value - value) <= mean.reach((1 - confidence) / 2)
        mean = Mean(mean.value, mean.sources[:1])
        hits["networks"] += abs(mean.value - value) <= mean.reach((1 - confidence) / 2)
    return {name: float(count) / runs for name, count in hits.items()}


class Tail(NamedTuple):
    """How often an end of a crossed interval errs, as a multiple of how often it should."""

    end: float
    """Of the workflow's intervals."""
    error: float
    """The standard error of `end` by simulation."""
    one_t: float
    """Of an interval with one t of Welch and Satterthwaite's degrees of freedom."""
    wider: float
    """How many times as far away the end is as that of one t, on average."""


def tail(
    networks: int, share: float, p: float, *, of_both: float = 0.0, blocks: int = 40, runs: int
) -> Tail:
    """Return how often an end errs that should err with probability `p`.

    Networks have the `share` of the variance of a normal mean that is not `of_both`, their
    interaction with sounds. The mean does not depend on the estimated variances, so that the error
    of an end is the mean, over these, of the normal probability beyond it.
    """
    rng = np.random.default_rng(networks)
    own = (networks - 1) * (blocks - 1)
    of_networks, of_sounds = (of_both + part * (1 - of_both) for part in (share, 1 - share))
    a = of_networks * rng.chisquare(networks - 1, runs) / (networks - 1)
    b = of_sounds * rng.chisquare(blocks - 1, runs) / (blocks - 1)
    interaction = of_both * rng.chisquare(own, runs) / own
    sources = [Source(a, networks - 1.0), Source(b, blocks - 1.0)]
    reach = np.asarray(reach_of(sources, p, interaction))
    beyond = ndtr(-reach)
    df = (a + b) ** 2 / (a**2 / (networks - 1) + b**2 / (blocks - 1))
    one_t = -stdtrit(df, p) * np.sqrt(variance_of(sources, interaction))
    return Tail(
        float(beyond.mean() / p),
        float(beyond.std() / p / np.sqrt(runs)),
        float(ndtr(-one_t).mean() / p),
        float(reach.mean() / one_t.mean()),
    )


def verdicts_by_draws(
    sounds: Sounds, networks: int, draws: str, *, effect: float, alpha: float, runs: int, seed: int
) -> list[dict[str, str]]:
    """Return the verdict on each claim in each run, where each rests on Hedges g of other sounds.

    The smallest effect of interest is the true effect, or 0.5 where there is none; `draws` says
    what is taken as one draw of a sound.
    """
    rng = np.random.default_rng(seed)
    smallest = truth(g_of, sounds, effect, 1) if effect else 0.5
    return [
        verdicts_on(
            [
                part_of(claim, responses(sounds, networks, effect, rng), draws, smallest, rng)
                for claim in CLAIMS
            ],
            alpha,
        )
        for _ in range(runs)
    ]


def part_of(
    claim: str, heard: Responses, draws: str, smallest: float, rng: np.random.Generator
) -> Part:
    """Return the part of a claim with Hedges g of each network, and without each block of draws."""

    def by_seed(values: np.ndarray) -> dict[int, float]:
        return dict(enumerate(values.tolist(), 1))

    without = left_out(heard, g_of, heard.draws()[draws], rng)
    return Part(
        claim,
        "effect",
        "",
        "",
        smallest,
        by_seed(g_of(heard.values, heard.is_target)),
        len(heard.groups),
        left_out={block: by_seed(values) for block, values in enumerate(without)},
    )


def effects_of(parts: Sequence[Planned], which: str) -> list[float]:
    """Return the effect of each part: none, exactly the smallest one, or the assumed one.

    The hypothesis that an equivalence has an effect, and the smallest effect that it can reject,
    are both its margin.
    """
    if which == "assumed":
        return [assumed(part).effect for part in parts]
    return [
        part.smallest_effect if which == "smallest" or part.equivalence else 0.0 for part in parts
    ]


def verdicts(
    parts: Sequence[Planned],
    which: str,
    networks: int,
    groups: Sequence[tuple[int, int]],
    *,
    alpha: float,
    runs: int,
    seed: int,
) -> list[dict[str, str]]:
    """Return the verdict on each claim in each run, for parts with the effects `which`.

    `groups` are the numbers of groups, of the target and of others, that each part is heard in.
    """
    rng, effects = np.random.default_rng(seed), effects_of(parts, which)
    found = []
    for _ in range(runs):
        drawn = [
            simulated_part(part, assumed(part), networks, of_part, rng, effect=effect)
            for part, effect, of_part in zip(parts, effects, groups, strict=True)
        ]
        found.append(verdicts_on(drawn, alpha))
    return found


def verdicts_on(parts: Sequence[Part], alpha: float) -> dict[str, str]:
    """Return the verdict on each claim that has `parts`."""
    table = claims_table(parts, alpha=alpha, min_networks=5)
    whole = table[(table["part"] == WHOLE) & table["claim"].isin({part.claim for part in parts})]
    return dict(zip(whole["claim"], whole["verdict"], strict=True))


def share_with(found: Sequence[Mapping[str, str]], *wanted: str) -> float:
    """Return the share of runs in which any claim has one of the verdicts `wanted`."""
    return float(np.mean([any(one in wanted for one in run.values()) for run in found]))


def wrong(found: Sequence[Mapping[str, str]], which: str) -> dict[str, float]:
    """Return the shares of runs with any wrong verdict that something is there, or is not."""
    if which == "none":
        return {"claimed": share_with(found, SUPPORTED, PRESENT), "denied": 0.0}
    return {"claimed": share_with(found, SUPPORTED), "denied": share_with(found, NOT_SUPPORTED)}


def skewed_networks(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return what `n` networks add, with mean 0 and variance 1: `normal`, or a long tail to the
    left (`exponential`, `lognormal`)."""
    if kind == "normal":
        return rng.standard_normal(n)
    if kind == "exponential":
        return 1 - rng.exponential(size=n)
    mean, sd = np.exp(0.5), np.sqrt((np.e - 1) * np.e)
    return (mean - rng.lognormal(size=n)) / sd


def supported_though_at_the_limit(
    kind: str, networks: int, *, alpha: float, runs: int, seed: int, above: float = 0.0
) -> float:
    """Return the share of runs in which claim 3 is supported, where its mean lies `above` (SD of
    the networks) its smallest effect and almost all of the error is that of the networks."""
    rng, count = np.random.default_rng(seed), 0
    seeds = range(1, networks + 1)
    for _ in range(runs):
        values = 1 + 0.1 * (above + skewed_networks(kind, networks, rng))
        without = {
            block: dict(zip(seeds, (values + shift).tolist(), strict=True))
            for block, shift in enumerate(1e-4 * rng.standard_normal(20))
        }
        by_seed = dict(zip(seeds, values.tolist(), strict=True))
        part = Part("selective", "effect", "", "", 1.0, by_seed, left_out=without)
        count += verdicts_on([part], alpha)["selective"] == SUPPORTED
    return count / runs
