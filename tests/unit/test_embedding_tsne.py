"""t-SNE by pairs and by a tree: its gradient, its steps, and its fit beside scikit-learn's."""

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.spatial.distance import pdist, squareform
from sklearn.manifold import TSNE, trustworthiness
from threadpoolctl import threadpool_limits

from music_detectors.embedding import tsne
from music_detectors.embedding.embed import usable_perplexity, z_scored
from music_detectors.embedding.tsne import Tree, TreeTSNE, embed


def clouds(n=60, apart=3.0, seed=0, units=10):
    """Return responses (2 n, units) of two clouds that lie `apart`."""
    values = np.random.default_rng(seed).normal(size=(2 * n, units))
    values[:n, : units // 2] += apart
    return values


def affinities(n, seed=0):
    """Return symmetric affinities (n, n) of which most are zero, and positions (2, n) float32."""
    random = np.random.default_rng(seed)
    p = random.random((n, n)) * (random.random((n, n)) < 0.2)
    p = np.triu(p, 1)
    p = (p + p.T) / (p + p.T).sum()
    return p, random.normal(size=(2, n)).astype(np.float32)


def divergence(p, xy):
    """Return the Kullback-Leibler divergence by its definition, with all pairs in float64."""
    nearness = 1 / (1 + squareform(pdist(xy.T.astype(np.float64), "sqeuclidean")))
    np.fill_diagonal(nearness, 0)
    q = nearness / nearness.sum()
    used = p > 0
    return (p[used] * np.log(p[used] / q[used])).sum()


def test_the_divergence_and_its_gradient_equal_their_definitions():
    p, xy = affinities(40)
    sparse = csr_array(p)
    gradient = np.empty_like(xy)
    found = tsne._objective(
        xy,
        sparse.data.astype(np.float32),
        sparse.indices.astype(np.uint32),
        sparse.indptr.astype(np.int64),
        Tree(40),
        gradient,
        True,
    )
    # Sums of float32 have six digits.
    assert found == pytest.approx(divergence(p, xy), rel=1e-5)
    numerical, step = np.empty(xy.shape), 1e-5
    for at in np.ndindex(xy.shape):
        moved = [xy.astype(np.float64) for _ in range(2)]
        moved[0][at] += step
        moved[1][at] -= step
        numerical[at] = (divergence(p, moved[0]) - divergence(p, moved[1])) / (2 * step)
    np.testing.assert_allclose(gradient, numerical, rtol=1e-3, atol=1e-7)


def test_the_first_steps_are_scikit_learns():
    p, start = affinities(40)
    found = []
    for method in (TreeTSNE, TSNE):
        # An angle of zero opens every cell of the tree, so that scikit-learn's sum is exact.
        steps = method(angle=0.0)
        # Few steps of each part: soon, rounding errors grow until the positions differ.
        steps._EXPLORATION_MAX_ITER, steps.max_iter = 8, 16
        steps.learning_rate_ = 5.0
        found.append((steps._tsne(csr_array(p), 1, 40, X_embedded=start.T.copy()), steps))
    (ours, of_ours), (theirs, of_theirs) = found
    assert np.abs(ours - start.T).max() > 0.1
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
    assert of_ours.kl_divergence_ == pytest.approx(divergence(p, ours.T), rel=1e-5)
    assert of_ours.n_iter_ == of_theirs.n_iter_ == 15


def test_the_fit_is_as_good_as_scikit_learns():
    ours, theirs = [], []
    for seed in range(4):
        values = clouds(60, seed=seed)
        for method, found in ((TreeTSNE, ours), (TSNE, theirs)):
            fitted = method(perplexity=20, random_state=seed, n_jobs=1)
            with threadpool_limits(1):
                xy = fitted.fit_transform(values)
            found.append((fitted.kl_divergence_, trustworthiness(values, xy, n_neighbors=10)))
    # Both end in one of many minima; these differ by some hundredths from start to start.
    np.testing.assert_allclose(np.mean(ours, axis=0), np.mean(theirs, axis=0), rtol=0.05)


def repulsion(xy):
    """Return the repulsion (2, n) of the positions `xy` by its definition, and the nearness."""
    apart = xy[:, :, None].astype(np.float64) - xy[:, None]
    nearness = 1 / (1 + (apart**2).sum(axis=0))
    np.fill_diagonal(nearness, 0)
    return (nearness**2 * apart).sum(axis=2), nearness.sum()


def positions(kind, n=2500):
    draw = np.random.default_rng(4)
    xy = draw.uniform(-40, 40, (2, n))
    if kind == "clouds":
        xy = draw.normal(size=(2, n)) + 25 * draw.integers(-1, 2, (2, n))
    if kind == "an outlier":
        xy[:, 7] = 4000.0
    if kind == "a line":
        xy[1] = 3.0
    if kind == "a ball":
        xy /= 50
    if kind == "the start":
        xy *= 1e-5
    return xy.astype(np.float32)


def relative(found, expected):
    """Return the root mean square of the error, as a share of that of what was `expected`."""
    return np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean())


KINDS = ["even", "clouds", "an outlier", "a line", "a ball", "the start"]


@pytest.mark.parametrize("kind", KINDS)
def test_clips_that_count_as_one_repel_as_all_of_them_do(kind, monkeypatch):
    xy = positions(kind)
    expected, nearness = repulsion(xy)
    tree, pushed = Tree(xy.shape[1]), np.empty_like(xy)
    total = tree.push(xy, pushed)
    # The errors are 9e-4 for "even", 5e-3 for the ball and 2.2e-2 for the line, where those of
    # scikit-learn's tree, with its angle of 0.5, are 1.6e-2, 2e-3 and 2.4e-2.
    assert relative(pushed, expected) < 2.5e-2
    assert total == pytest.approx(nearness, rel=5e-3)
    # They do count as one: all pairs are more terms.
    assert tree._terms < xy.shape[1] ** 2 / 2
    # In one leaf are all pairs.
    monkeypatch.setattr(tsne, "_ALL_PAIRS", xy.shape[1])
    total = Tree(xy.shape[1]).push(xy, pushed)
    np.testing.assert_allclose(pushed, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert total == pytest.approx(nearness, rel=1e-6)


def test_a_tree_that_is_out_of_date_is_as_exact_and_is_soon_made_again():
    xy, elsewhere = positions("even"), positions("clouds")
    tree, pushed = Tree(xy.shape[1]), np.empty_like(xy)
    tree.push(elsewhere, pushed)
    made, terms = tree._made, tree._terms
    expected, _ = repulsion(xy)
    fresh = Tree(xy.shape[1])
    fresh.push(xy, pushed)
    for _ in range(20):
        tree.push(xy, pushed)
        assert relative(pushed, expected) < 2e-3
    assert tree._made is not made
    assert tree._terms == fresh._terms != terms
    # Where nothing moves, it stays.
    made = fresh._made
    for _ in range(20):
        fresh.push(xy, pushed)
    assert fresh._made is made


@pytest.mark.parametrize("kind", KINDS)
def test_every_clip_is_in_one_leaf_and_leaves_are_small(kind):
    xy = positions(kind)
    order, ends, children = tsne._grow(*xy, 40)
    assert sorted(order) == list(range(xy.shape[1]))
    parents = np.flatnonzero(children)
    for parent in parents:
        one, two = ends[children[parent]], ends[children[parent] + 1]
        assert (one[0], one[1], two[1]) == (ends[parent, 0], two[0], ends[parent, 1])
        assert one[0] < one[1] < two[1]
    assert np.diff(ends[children == 0]).max() <= 40
    assert len(ends) == 2 * len(parents) + 1


def test_clips_in_one_place_stay_together():
    xy = np.repeat(positions("even", 50), 50, axis=1)
    _, ends, children = tsne._grow(*xy, 40)
    assert (np.diff(ends[children == 0]) == 50).all()
    # No number is between these two.
    xy = np.float32([[1.0, np.nextafter(np.float32(1), np.float32(2))] * 50, [0.0] * 100])
    _, ends, children = tsne._grow(*xy, 40)
    assert ends[children == 0].tolist() == [[0, 50], [50, 100]]


def test_equal_positions_do_not_repel():
    xy, pushed = np.zeros((2, 2000), np.float32), np.ones((2, 2000), np.float32)
    assert Tree(2000).push(xy, pushed) == 2000 * 1999
    assert (pushed == 0).all()


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("all_of_them", [False, True])
def test_positions_that_are_not_finite_show(value, all_of_them):
    xy = positions("even", 2000)
    xy[:, : 2000 if all_of_them else 1] = value
    pushed = np.full_like(xy, 7.0)
    assert np.isnan(Tree(2000).push(xy, pushed))
    assert not (pushed == 7.0).any()


def test_a_tree_ends_where_all_pairs_do(monkeypatch):
    values = np.repeat(np.random.default_rng(1).normal(size=(40, 20)) * 2, 50, axis=0)
    values += np.random.default_rng(2).normal(size=values.shape)
    found = []
    for most in (tsne._ALL_PAIRS, len(values)):
        monkeypatch.setattr(tsne, "_ALL_PAIRS", most)
        fitted = TreeTSNE(perplexity=30, random_state=1, n_jobs=1)
        with threadpool_limits(1):
            xy = fitted.fit_transform(values)
        found.append((fitted.kl_divergence_, trustworthiness(values, xy, n_neighbors=10)))
    # They end in different minima, of which those of other starts differ by as much.
    np.testing.assert_allclose(*found, rtol=0.02)


def test_an_embedding_is_reproducible():
    values = clouds()
    xy = embed(values, 20.0, 5)
    np.testing.assert_array_equal(xy, embed(values, 20.0, 5))
    assert xy.shape == (120, 2) and xy.dtype == np.float32


def test_four_clips_are_embedded():
    assert np.isfinite(embed(clouds(2), usable_perplexity(30, 4), 0)).all()


@pytest.mark.parametrize("units", [1, 2, 40])
def test_nearly_constant_units_are_embedded(units):
    # Two kinds of clips, and units that are constant.
    values = np.zeros((30, units))
    values[::3, 0] = 1
    xy = embed(z_scored(values), 5, 0)
    assert xy.shape == (30, 2) and np.isfinite(xy).all()
    constant = embed(z_scored(np.full((30, units), 0.1)), 5, 0)
    assert (constant == 0).all()


def test_the_process_that_compiles_adds_up_as_those_that_load(tmp_path):
    script = f"""
import sys
sys.path[:0] = {[entry for entry in sys.path if entry]!r}
import numpy as np
from music_detectors.embedding.tsne import embed
features = np.random.default_rng(1).normal(size=(200, 8)).astype(np.float32)
print(embed(features, 10, 1).tobytes().hex())
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        ).stdout
        for _ in range(2)
    ]
    assert list(tmp_path.rglob("*.nbc")) and said[0] == said[1] != ""
