"""Corrections of p values, compared with SciPy and statsmodels."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from music_detectors.common.corrections import false_discovery, holm


@pytest.mark.parametrize("n", [1, 2, 7, 256])
@pytest.mark.parametrize("rounded", [False, True])
def test_p_values_are_adjusted_as_the_libraries_do(n, rounded):
    p = np.random.default_rng(n).uniform(size=n) ** 3
    if rounded:
        # With ties, zeros and ones.
        p = np.round(p, 1)
    np.testing.assert_array_equal(false_discovery(p), false_discovery_control(p))
    np.testing.assert_array_equal(holm(p), multipletests(p, method="holm")[1])
    np.testing.assert_allclose(false_discovery(p), multipletests(p, method="fdr_bh")[1], rtol=1e-15)
