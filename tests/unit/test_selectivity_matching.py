"""Target and other clips that are matched in length and level."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from music_detectors.acoustics.columns import ACOUSTICS
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.selectivity.balance import MEASURES, differences
from music_detectors.selectivity.columns import MATCHED
from music_detectors.selectivity.matching import (
    LARGEST_LEFT,
    match_clips,
    matched,
    read_matched,
)
from support.claim_tables import filled


def clips(n=(200, 600), shorter=0.0, softer=0.0, seed=0):
    """Return which clips are target, and lengths and levels, of which the target's are lower."""
    random = np.random.default_rng(seed)
    target = np.arange(sum(n)) < n[0]
    cut = random.random(sum(n)) < np.where(target, shorter, shorter / 3)
    seconds = np.where(cut, random.uniform(1, 10, sum(n)), 10.0)
    level_db = random.normal(-25, 6, sum(n)) - softer * target
    order = random.permutation(sum(n))
    return target[order], np.column_stack([seconds, level_db])[order]


@pytest.mark.parametrize(
    ("shorter", "softer", "least"), [(0.6, 0, 0.5), (0, 5, 0.5), (0.6, 5, 0.3), (0, 10, 0.2)]
)
def test_matched_clips_are_alike_in_length_and_level(shorter, softer, least):
    target, measures = clips(shorter=shorter, softer=softer)
    assert differences(target, measures, LARGEST_LEFT)["differs"].any()
    kept = matched(target, measures, np.random.default_rng(1))
    assert kept.mean() > least
    found = differences(target[kept], measures[kept], LARGEST_LEFT)
    assert not found["differs"].any()
    # Not the means alone: the distributions are alike too.
    for values in measures[kept].T:
        assert ks_2samp(values[target[kept]], values[~target[kept]]).statistic < 0.12
    # As rare among matched clips as among all, so that average precision means the same.
    assert target[kept].mean() == pytest.approx(target.mean(), abs=0.01)


def test_clips_that_do_not_differ_are_all_kept():
    for n in ((80, 240), (90, 41), (31, 97)):
        target, measures = clips(n)
        measures[:, 1] = -20
        assert matched(target, measures, np.random.default_rng(1)).all()


def test_clips_that_nothing_makes_alike_are_not_kept():
    target, measures = clips()
    measures[:, 0] = np.where(target, 2.0, 9.0)
    assert not matched(target, measures, np.random.default_rng(1)).any()
    assert not matched(target & False, measures, np.random.default_rng(1)).any()


def test_chance_alone_tells_matched_clips_apart():
    """A model of length and level tells target from other clips, but not matched ones."""
    target, measures = clips((400, 1200), shorter=0.6, softer=5)
    kept = matched(target, measures, np.random.default_rng(1))

    def explained(rows):
        length, level = ((measures[rows] - measures.mean(axis=0)) / measures.std(axis=0)).T
        terms = [np.ones(rows.sum()), length, level, length**2, level**2, length * level]
        label = target[rows].astype(float)
        fit = np.linalg.lstsq(np.column_stack(terms), label, rcond=None)[0]
        return np.corrcoef(np.column_stack(terms) @ fit, label)[0, 1] ** 2

    # Six coefficients explain about 5 of n clips by chance.
    assert explained(np.ones(len(target), bool)) > 0.2
    assert explained(kept) < 0.03


def test_the_table_has_both_splits_without_mixed_and_silent_clips(tmp_path):
    target, measures = clips((60, 140), softer=6)
    rows = pd.DataFrame(
        {
            "clip_id": [f"clip-{k}" for k in range(200)],
            "split": np.where(np.arange(200) % 2, "train", "test"),
            "role": np.where(target, "target", "other"),
        }
    )
    rows.loc[rows.index[:4], "role"] = "mixed"
    write_table(tmp_path / "clips.tsv", filled(rows, CLIPS), CLIPS)
    heard = pd.DataFrame({name: 1.0 for name in ACOUSTICS}, index=rows.index)
    heard = heard.assign(clip_id=rows["clip_id"], **dict(zip(MEASURES, measures.T, strict=True)))
    heard.loc[9, "centroid_hz"] = np.nan
    for split in ("train", "test"):
        write_table(tmp_path / f"{split}.tsv", heard[rows["split"] == split], ACOUSTICS)

    def run(seed, name="matched.tsv"):
        paths = [tmp_path / f"{split}.tsv" for split in ("train", "test")]
        match_clips(tmp_path / "clips.tsv", *paths, tmp_path / name, target="Music", seed=seed)
        return read_table(tmp_path / name, MATCHED)

    table = run(1)
    assert set(table["clip_id"]) == set(rows["clip_id"]) - {f"clip-{k}" for k in (0, 1, 2, 3, 9)}
    for _, of_split in table.groupby("split"):
        kept = of_split[of_split["matched"]]
        assert 0.3 < len(kept) / len(of_split) < 1
        is_target = (kept["role"] == "target").to_numpy()
        assert not differences(is_target, kept[list(MEASURES)].to_numpy(), LARGEST_LEFT)[
            "differs"
        ].any()
    pd.testing.assert_frame_equal(run(1, "again.tsv"), table)
    assert (run(2, "other.tsv")["matched"] != table["matched"]).any()
    found = read_matched(tmp_path / "matched.tsv", ["clip-0", "clip-9", *table["clip_id"]])
    assert found.tolist() == [False, False, *table["matched"]]
