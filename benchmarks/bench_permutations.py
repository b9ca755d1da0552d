"""Time unit statistics of 256 units x 15,000 clips under 1,000 permutations of the labels."""

import numpy as np
from scipy import stats
from threadpoolctl import threadpool_limits

from music_detectors.common.parts import Parts
from music_detectors.selectivity.effects import effects
from music_detectors.selectivity.grouped import grouped_effects
from music_detectors.selectivity.permutation import PermutedStatistics, permutation_p
from timing import alternate, report

TARGET, OTHER, UNITS = 5_000, 10_000, 256
CLIPS_OF_A_RECORDING = 10
PERMUTATIONS = 1000
SCIPY_PERMUTATIONS = 4


def main():
    random = np.random.default_rng(0)
    responses = random.gamma(1, 1, (TARGET + OTHER, UNITS)).astype(np.float32)
    responses[:TARGET, :32] *= 1.2
    exact = responses.astype(np.float64)
    clip = np.arange(TARGET + OTHER)
    alone = Parts(clip, clip < TARGET)
    recordings = Parts(clip // CLIPS_OF_A_RECORDING, clip < TARGET)
    labels = alone.permuted(PERMUTATIONS, random)
    of_recordings = recordings.permuted(PERMUTATIONS, random)

    def scipy_in_a_loop():
        return np.array(
            [
                stats.ttest_ind(exact[row], exact[~row], equal_var=False).statistic
                for row in labels[:SCIPY_PERMUTATIONS]
            ]
        )

    def observed(parts):
        found = effects(responses[:TARGET], responses[TARGET:])
        return found | grouped_effects(responses, parts)

    def p(parts):
        draws = np.random.default_rng(1)
        return lambda: permutation_p(responses, parts, observed(parts), PERMUTATIONS, draws)

    units = f"{UNITS} units x {TARGET + OTHER:,} clips"
    scipy = "SciPy's ttest_ind in a loop"
    by_ten = f"of {CLIPS_OF_A_RECORDING} clips a recording"
    with threadpool_limits(1):
        seconds = alternate(
            {
                scipy: scipy_in_a_loop,
                "PermutedStatistics: t, d', g and AUC of 1,000": lambda: PermutedStatistics(
                    responses, alone
                ).statistics(labels),
                f"the same {by_ten}": lambda: PermutedStatistics(responses, recordings).statistics(
                    of_recordings
                ),
                "all statistics and p of a split": p(alone),
                f"the same {by_ten} ": p(recordings),
            },
            rounds=5,
        )
        for name in seconds:
            seconds[name] /= SCIPY_PERMUTATIONS if name == scipy else PERMUTATIONS
        report(f"one permutation, {units}, one thread", seconds, scipy)
        permuted = PermutedStatistics(responses, alone).statistics(labels)["cluster_t"]
        found = permuted[:SCIPY_PERMUTATIONS]
        print(f"  largest difference of t {np.abs(found - scipy_in_a_loop()).max():.1e}")


if __name__ == "__main__":
    main()
