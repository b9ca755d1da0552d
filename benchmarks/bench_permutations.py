"""Time unit statistics of 256 units x 15,000 clips under 1,000 permutations of the labels."""

import numpy as np
from scipy import stats
from threadpoolctl import threadpool_limits

from music_detectors.selectivity.bootstrap import hedges_g_interval
from music_detectors.selectivity.effects import effects, welch_t
from music_detectors.selectivity.permutation import (
    PermutedStatistics,
    max_statistic_p,
    permuted_labels,
)
from timing import alternate, report

TARGET, OTHER, UNITS = 5_000, 10_000, 256
PERMUTATIONS = 1000
SCIPY_PERMUTATIONS = 4


def main():
    random = np.random.default_rng(0)
    responses = random.gamma(1, 1, (TARGET + OTHER, UNITS)).astype(np.float32)
    responses[:TARGET, :32] *= 1.2
    exact = responses.astype(np.float64)
    target, other = responses[:TARGET], responses[TARGET:]
    observed = effects(target, other)
    labels = permuted_labels(TARGET, OTHER, PERMUTATIONS, random)

    def scipy_in_a_loop():
        return np.array(
            [
                stats.ttest_ind(exact[row], exact[~row], equal_var=False).statistic
                for row in labels[:SCIPY_PERMUTATIONS]
            ]
        )

    units = f"{UNITS} units x {TARGET + OTHER:,} clips"
    scipy = "SciPy's ttest_ind in a loop"
    with threadpool_limits(1):
        seconds = alternate(
            {
                scipy: scipy_in_a_loop,
                "PermutedStatistics: t of 1,000": lambda: welch_t(
                    *PermutedStatistics(responses, TARGET).moments(labels)
                ),
                "PermutedStatistics: t, d', g and AUC of 1,000": lambda: PermutedStatistics(
                    responses, TARGET
                ).statistics(labels),
                "max_statistic_p of 1,000, with drawing": lambda: max_statistic_p(
                    target, other, observed, PERMUTATIONS, np.random.default_rng(1)
                ),
            },
            rounds=5,
        )
        for name in seconds:
            seconds[name] /= SCIPY_PERMUTATIONS if name == scipy else PERMUTATIONS
        report(f"one permutation, {units}, one thread", seconds, scipy)
        found = PermutedStatistics(responses, TARGET).statistics(labels)["welch_t"][
            :SCIPY_PERMUTATIONS
        ]
        print(f"  largest difference of t {np.abs(found - scipy_in_a_loop()).max():.1e}")

        def all_statistics():
            rng = np.random.default_rng(2)
            effects(target, other)
            hedges_g_interval(target, other, PERMUTATIONS, rng)
            max_statistic_p(target, other, observed, PERMUTATIONS, rng)

        seconds = alternate(
            {"all statistics of a split, 1,000 draws each": all_statistics}, rounds=3
        )
        report(f"{units}, one thread", seconds, next(iter(seconds)))


if __name__ == "__main__":
    main()
