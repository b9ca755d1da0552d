"""Bootstrap samples."""

import numpy as np
import pytest

from music_detectors.selectivity.bootstrap import bootstrap_counts


def test_bootstrap_counts_are_multinomial():
    counts = bootstrap_counts(8, 20_000, np.random.default_rng(1)).astype(np.int64)
    assert (counts.sum(axis=1) == 8).all()
    # Multinomial moments; the mean of 20,000 counts has a standard error of 0.0066.
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.03)
    np.testing.assert_allclose(counts.var(axis=0), 7 / 8, atol=0.05)
    assert np.cov(counts[:, 0], counts[:, 1])[0, 1] == pytest.approx(-1 / 8, abs=0.03)
