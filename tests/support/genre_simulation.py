"""Made-up responses to genres, and the verdicts on the claim about them by the functions used.

Run as a script, it prints the rates of each verdict: `python -m support.genre_simulation`.
"""

import dataclasses
import sys

import numpy as np
import pandas as pd
from scipy import stats

from music_detectors.claims.estimates.units import genres
from music_detectors.claims.inference import claims_table
from music_detectors.claims.study import by_block, numbered
from music_detectors.genres.responses import deviation_errors, without_blocks
from music_detectors.jackknife.blocks import MOST
from music_detectors.jackknife.variance import Source, reach_of
from music_detectors.selectivity.effects import hedges_g, moments
from support.claim_tables import Tables, study

N_OTHER = 600
_SHARED = 0.5
"""The share of the variance over clips that all networks have in common."""
_OF_NETWORK, _OF_GENRE = 0.15, 0.15
"""The SD of effects between networks, and between networks in a genre."""


def tables(effects, clips, networks, random):
    """Return the tables of genres, of all clips and without each block, of clips of one genre each.

    `effects` are the true effects of the genres in SD, the mean over networks; each genre has
    `clips` clips.
    """
    n_genres = len(effects)
    genre = np.concatenate([np.repeat(np.arange(n_genres), clips), np.full(N_OTHER, -1)])
    n = len(genre)
    own = np.sqrt(1 - _SHARED) * random.standard_normal((n, networks))
    responses = np.sqrt(_SHARED) * random.standard_normal((n, 1)) + own
    by_network = np.asarray(effects)[:, None] + _OF_NETWORK * random.standard_normal(networks)
    by_network = by_network + _OF_GENRE * random.standard_normal((n_genres, networks))
    responses += np.vstack([by_network, np.zeros(networks)])[genre]
    blocks = np.empty(n, dtype=np.int64)
    for of_role in (genre >= 0, genre < 0):
        blocks[of_role] = random.permutation(of_role.sum()) % MOST
    carries = genre[:, None] == np.arange(n_genres)
    without = without_blocks(responses, genre < 0, carries, blocks)
    n_blocks = np.array([len(np.unique(blocks[has])) for has in carries.T])
    errors = deviation_errors(without["hedges_g"], n_blocks)
    others = moments(responses[genre < 0])
    g = np.stack([hedges_g(moments(responses[has]), others) for has in carries.T])

    def table(values):
        return pd.DataFrame(
            {
                "seed": np.tile(np.arange(1, networks + 1), n_genres),
                "mid": np.repeat([f"/m/{k}" for k in range(n_genres)], networks),
                "name": np.repeat([f"Genre {k}" for k in range(n_genres)], networks),
                "n_clips": clips,
                "n_other": N_OTHER,
                "hedges_g": values.ravel(),
                "n_blocks": np.repeat(n_blocks, networks),
                "deviation_error": errors.ravel(),
            }
        )

    left_out = [
        table(values).assign(block=block)
        for block, values in zip(without["block"], without["hedges_g"], strict=True)
    ]
    return table(g), pd.concat(left_out, ignore_index=True)


def parts(whole, left_out):
    """Return the parts of the claim from these tables."""
    blocks = sorted(left_out["block"].unique())
    measured = Tables(seeds=2).measured()

    def of(table):
        return genres(study(), dataclasses.replace(measured, genres=table))

    again = {part.name: by_block(part.values, blocks) for part in of(numbered(left_out))}
    return [dataclasses.replace(part, left_out=again[part.name]) for part in of(whole)]


def verdicts(effects, clips, networks, runs, seed=0):
    """Return the table of the claim in each of `runs` runs, by part."""
    found = []
    for run in range(runs):
        random = np.random.default_rng([seed, clips, networks, run])
        of_claim = parts(*tables(effects, clips, networks, random))
        table = claims_table(of_claim, alpha=0.05, min_networks=5)
        found.append(table[table["claim"] == "genres"].set_index("part"))
    return found


def reach_of_95(row):
    """Return how far the ends of the 95% interval of a row of claims.tsv lie from its estimate."""
    networks, sounds, both = (row[f"error{of}"] ** 2 for of in ("_networks", "_sounds", ""))
    sources = [Source(networks, row["n_networks"] - 1), Source(sounds, row["df_sounds"])]
    return reach_of(sources, 0.025, networks + sounds - both)


def exceeded_by_most(effects):
    """Return the effect that 90% of genres of a network exceed, from the means over networks."""
    return np.mean(effects) - stats.norm.ppf(0.9) * np.hypot(np.std(effects, ddof=1), _OF_GENRE)


def at_the_limit(smallest=0.4, spread=0.2):
    """Return the true effects of 25 genres of which 90% in a network exceed `smallest`."""
    normal = stats.norm.ppf((np.arange(25) + 0.5) / 25)
    effects = spread * normal / normal.std(ddof=1)
    return effects + smallest - exceeded_by_most(effects)


SCENARIOS = {
    "0.8 in each genre": np.full(25, 0.8),
    "0.8, but one genre at 0": np.r_[0.0, np.full(24, 0.8)],
    "90% of genres above 0.4": at_the_limit(),
    "0.8, but five genres at 0.2": np.r_[np.full(5, 0.2), np.full(20, 0.8)],
}


def main(runs):
    """Print how often each verdict is given, and how often the 95% interval has the true value."""
    for name, effects in SCENARIOS.items():
        true = exceeded_by_most(effects)
        for clips in (8, 60):
            for networks in (5, 20):
                found = verdicts(effects, clips, networks, runs)
                most = pd.DataFrame([table.loc["most genres"] for table in found])
                reach = np.array([reach_of_95(row) for row in most.to_dict("records")])
                off = most["estimate"] - true
                rates = {
                    part: pd.Series([t.loc[part, "verdict"] for t in found]).value_counts()
                    for part in ("whole", "most genres")
                }
                print(
                    f"{name}, {clips} clips, {networks} networks: {rates['whole'].to_dict()}; most "
                    f"genres {rates['most genres'].to_dict()}; true {true:.2f}, estimate "
                    f"{most['estimate'].mean():.2f}, SD {most['estimate'].std():.3f}, error "
                    f"{most['error'].mean():.3f}, above the interval {(off < -reach).mean():.3f}, "
                    f"below {(off > reach).mean():.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main(int(sys.argv[1]))
