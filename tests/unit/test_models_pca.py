"""Principal components against scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from music_detectors.common.errors import InputError
from music_detectors.models.pca import Pca, principal_components

SHAPE = 8, 30


class Clips:
    """Batches of `clips` that notes how many are asked for at once."""

    def __init__(self, clips, size=64):
        self.clips, self.size, self.passes = torch.from_numpy(clips), size, 0

    def __iter__(self):
        self.passes += 1
        yield from self.clips.split(self.size)


def clips(n, seed=0):
    """Spectrograms in dB whose variance falls off as that of sounds does."""
    draw = np.random.default_rng(seed)
    size = SHAPE[0] * SHAPE[1]
    directions = np.linalg.qr(draw.normal(0, 1, (size, size)))[0]
    scores = draw.normal(0, 1, (n, size)) * 60 / np.arange(1, size + 1)
    return (scores @ directions.T - 40).astype(np.float32).reshape(n, *SHAPE)


def reference(values, wanted):
    flat = values.reshape(len(values), -1).astype(np.float64)
    return PCA(wanted, svd_solver="full").fit(flat), flat


# Few clips are spanned by the directions that are iterated; many are not.
@pytest.mark.parametrize(("n", "wanted", "extra"), [(20, 10, 30), (600, 10, 10), (600, 30, 30)])
def test_components_and_shares_equal_scikit_learn(n, wanted, extra):
    values = clips(n)
    found = principal_components(Clips(values), wanted, extra)
    expected, flat = reference(values, wanted)
    np.testing.assert_allclose(found["explained"], expected.explained_variance_ratio_, rtol=1e-4)
    np.testing.assert_allclose(found["mean"].flatten(), flat.mean(axis=0), rtol=1e-6)
    components = found["components"].flatten(1).numpy()
    # Each has length 1 and points where the other does, up to its sign.
    cosines = np.abs((components * expected.components_).sum(axis=1))
    np.testing.assert_allclose(cosines, 1, atol=2e-3)
    np.testing.assert_allclose(components @ components.T, np.eye(wanted), atol=1e-5)


def test_responses_are_scores():
    values = clips(300)
    fitted = principal_components(Clips(values), 6, 20)
    other = clips(5, seed=1)
    found = Pca().responses(fitted, torch.from_numpy(other))["components"].numpy()
    expected, _ = reference(values, 6)
    scores = expected.transform(other.reshape(5, -1))
    signs = np.sign((fitted["components"].flatten(1).numpy() * expected.components_).sum(axis=1))
    np.testing.assert_allclose(found, scores * signs, atol=0.02 * np.abs(scores).max())


def test_the_value_of_largest_magnitude_is_positive():
    components = principal_components(Clips(clips(100)), 8, 20)["components"].flatten(1)
    assert (components.max(dim=1).values > -components.min(dim=1).values).all()


def test_the_same_clips_give_the_same_bytes_in_batches_of_any_number_of_passes():
    one, two = (principal_components(Clips(clips(200)), 5, 5) for _ in range(2))
    for name in one:
        assert torch.equal(one[name], two[name])


def test_passes_end_when_the_variance_has_settled():
    few, many = Clips(clips(15)), Clips(clips(400))
    principal_components(few, 10, 10)
    principal_components(many, 10, 10)
    assert few.passes < many.passes < 20


def test_few_clips_have_few_components_and_it_is_said(caplog):
    fitted = Pca().fitted(Clips(clips(12)))
    assert len(fitted["components"]) == len(fitted["explained"]) == 11
    assert fitted["explained"].sum() == pytest.approx(1, abs=1e-5)
    assert "12 train clips have 11 principal components; 256 were asked for" in caplog.text


def test_equal_clips_are_refused():
    for same in (clips(1), np.repeat(clips(1), 5, axis=0)):
        with pytest.raises(InputError, match="at least two different train clips"):
            principal_components(Clips(same), 3, 3)


def test_what_is_missing_of_a_shorter_spectrogram_counts_as_the_mean():
    values = clips(50)
    fitted = principal_components(Clips(values), 5, 20)
    short = torch.from_numpy(values[:3, :, :20])
    whole = torch.cat([short, fitted["mean"][None, :, 20:].expand(3, -1, -1)], dim=2)
    found, expected = (Pca().responses(fitted, x)["components"] for x in (short, whole))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


def test_a_longer_spectrogram_is_refused():
    fitted = principal_components(Clips(clips(20)), 2, 10)
    with pytest.raises(InputError, match=r"8 x 31 does not fit .* fitted on 8 x 30"):
        Pca().responses(fitted, torch.zeros(1, 8, 31))
