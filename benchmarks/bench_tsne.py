"""Time t-SNE on one core, compared with scikit-learn's."""

import sys

import numpy as np
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from music_detectors.embedding.tsne import TreeTSNE
from timing import alternate, report

UNITS, GROUPS = 256, 30


def main(clips: int) -> None:
    random = np.random.default_rng(1)
    centres = random.normal(size=(GROUPS, UNITS))
    responses = centres[random.integers(GROUPS, size=clips)] + random.normal(size=(clips, UNITS))
    fits = {}

    def fitted(method: type[TSNE]) -> None:
        tsne = method(random_state=1, n_jobs=1)
        tsne.fit_transform(responses)
        fits[method] = tsne.kl_divergence_

    variants = {
        "scikit-learn, Barnes-Hut": lambda: fitted(TSNE),
        "this workflow": lambda: fitted(TreeTSNE),
    }
    # Compile first.
    TreeTSNE(perplexity=5, random_state=1).fit_transform(responses[:50])
    with threadpool_limits(1):
        seconds = alternate(variants, rounds=1)
    report(f"t-SNE of {clips} clips, {UNITS} units, one thread", seconds, next(iter(seconds)))
    print("  divergence " + ", ".join(f"{value:.4f}" for value in fits.values()))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000)
