"""Responses at several levels, from planted responses and from wrong inputs."""

import logging

import numpy as np
import pandas as pd
import pytest

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.levels.columns import LEVELS, LEVELS_LEFT_OUT
from music_detectors.levels.responses import level_responses
from music_detectors.selectivity.columns import UNITS
from music_detectors.spectrograms.columns import INDEX
from support import response_files

LEVELS_DB = [0, -6, -18]
SEEDS = [1, 4]
N_UNITS = 16


class Corpus:
    """Responses of two networks to clips at three levels; the files have different orders."""

    def __init__(self, folder):
        self.folder = folder
        self.clips = response_files.clips()
        self.test = self.clips[self.clips["split"] == "test"]
        random = np.random.default_rng(8)
        self.ranks = {seed: 1 + random.permutation(N_UNITS) for seed in SEEDS}
        self.silent = {}
        self.responses = {
            (seed, level): pd.DataFrame(
                random.gamma(2, 0.3, (len(self.test), N_UNITS)).astype(np.float32),
                index=self.test["clip_id"],
            )
            for seed in SEEDS
            for level in LEVELS_DB
        }

    def table(self):
        write_table(self.folder / "clips.tsv", self.clips, CLIPS)
        self.blocks = response_files.write_blocks(self.folder / "blocks.tsv", self.clips)
        for seed in SEEDS:
            units = pd.DataFrame({name: 0 for name in UNITS}, index=range(N_UNITS))
            units["layer"], units["unit"] = "avgpool", np.arange(N_UNITS)
            units["reported"], units["rank"] = True, self.ranks[seed]
            units["selective"] = units["rank"] <= 4
            write_table(self.folder / f"units-{seed}.tsv", units, UNITS)
        for level in LEVELS_DB:
            ids = [c for c in self.test["clip_id"] if c not in self.silent.get(level, ())]
            index = pd.DataFrame({"clip_id": ids, "n_frames": 100, "shard": "00000"})
            write_table(self.folder / f"{level}.tsv", index.assign(row=index.index), INDEX)
            for seed in SEEDS:
                order = list(np.random.default_rng(-level).permutation(ids))
                response_files.write_responses(
                    self.folder / f"{seed}{level}.h5",
                    order,
                    {"avgpool": self.responses[seed, level].loc[order].to_numpy()},
                )
        level_responses(
            [self.folder / f"{level}.tsv" for level in LEVELS_DB],
            [self.folder / f"{seed}{level}.h5" for level in LEVELS_DB for seed in SEEDS],
            [self.folder / f"units-{seed}.tsv" for seed in SEEDS],
            self.folder / "clips.tsv",
            self.folder / "blocks.tsv",
            self.folder / "levels.tsv",
            self.folder / "left_out.tsv",
            levels_db=LEVELS_DB,
            seeds=SEEDS,
            layer="avgpool",
        )
        return read_table(self.folder / "levels.tsv", LEVELS)

    def values(self, seed, level, group, role, without=()):
        """The mean response of the units of a group to each clip of a role."""
        ranks = self.ranks[seed]
        chosen = np.flatnonzero(ranks <= 4 if group == "most" else ranks > N_UNITS - 4)
        ids = self.test.loc[self.test["role"] == role, "clip_id"]
        kept = [clip for clip in ids if clip not in without]
        return self.responses[seed, level].loc[kept].to_numpy().astype(float)[:, chosen].mean(1)


def check(corpus, table, without=()):
    assert len(table) == len(SEEDS) * len(LEVELS_DB) * 2
    assert table["level_db"].tolist()[:6] == [0, 0, -6, -6, -18, -18]
    for row in table.itertuples():
        target = corpus.values(row.seed, int(row.level_db), row.group, "target", without)
        other = corpus.values(row.seed, 0, row.group, "other", without)
        assert (row.n_target, row.n_other) == (len(target), len(other))
        n = len(target) + len(other) - 2
        pooled = (len(target) - 1) * target.var(ddof=1) + (len(other) - 1) * other.var(ddof=1)
        d = (target.mean() - other.mean()) / np.sqrt(pooled / n)
        # The common approximation of the correction is within 0.03 % for 18 degrees of freedom.
        np.testing.assert_allclose(
            [row.response_target, row.response_other, row.ratio, row.hedges_g],
            [
                target.mean(),
                other.mean(),
                target.mean() / other.mean(),
                d * (1 - 3 / (4 * n - 1)),
            ],
            rtol=1e-3,
        )


@pytest.fixture
def corpus(tmp_path):
    return Corpus(tmp_path)


def test_the_target_at_each_level_is_compared_with_others_at_the_mean_level(corpus):
    check(corpus, corpus.table())


def test_a_clip_without_sound_is_left_out_at_every_level(corpus):
    silent = [corpus.test["clip_id"].iloc[0], corpus.test["clip_id"].iloc[1]]
    corpus.silent = {-6: silent[:1], 0: silent[1:]}
    check(corpus, corpus.table(), without=silent)


def test_without_a_block_numbers_are_those_of_the_clips_that_remain(corpus):
    corpus.table()
    without = read_table(corpus.folder / "left_out.tsv", LEVELS_LEFT_OUT)
    assert len(without) == 3 * len(SEEDS) * len(LEVELS_DB) and set(without["group"]) == {"most"}
    for block, found in without.groupby("block"):
        corpus.silent = {0: [clip for clip, own in corpus.blocks.items() if own == block]}
        expected = corpus.table()
        expected = expected[expected["group"] == "most"]
        for name in ("seed", "level_db", "n_target", "n_other", "ratio", "hedges_g"):
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)


def test_too_few_clips_have_no_numbers_and_a_warning(corpus, caplog):
    corpus.clips["role"] = corpus.clips["role"].replace("target", "mixed")
    with caplog.at_level(logging.WARNING):
        table = corpus.table()
    assert (table["n_target"] == 0).all()
    assert table.iloc[:, 5:].isna().all(axis=None)
    assert "0 test clips are target and have sound" in caplog.text


def test_units_that_respond_to_no_other_clip_have_no_ratio(corpus):
    others = corpus.test.loc[corpus.test["role"] == "other", "clip_id"]
    for seed in SEEDS:
        corpus.responses[seed, 0].loc[others] = 0
    table = corpus.table()
    assert table["ratio"].isna().all() and (table["hedges_g"] > 0).all()


def test_responses_that_may_be_negative_have_no_ratio(corpus):
    for frame in corpus.responses.values():
        frame -= 1
    table = corpus.table()
    assert table["ratio"].isna().all() and table["hedges_g"].notna().all()


def test_responses_that_lack_a_clip_of_the_index(corpus):
    corpus.table()
    ids = corpus.test.loc[corpus.test["role"] != "target", "clip_id"].tolist()
    path = corpus.folder / "1-6.h5"
    response_files.write_responses(path, ids, {"avgpool": np.ones((len(ids), N_UNITS))})
    with pytest.raises(InputError, match=r"1-6\.h5: damaged responses \(lacks clip"):
        level_responses(
            [corpus.folder / f"{level}.tsv" for level in LEVELS_DB],
            [corpus.folder / f"{seed}{level}.h5" for level in LEVELS_DB for seed in SEEDS],
            [corpus.folder / f"units-{seed}.tsv" for seed in SEEDS],
            corpus.folder / "clips.tsv",
            corpus.folder / "blocks.tsv",
            corpus.folder / "again.tsv",
            corpus.folder / "again_left_out.tsv",
            levels_db=LEVELS_DB,
            seeds=SEEDS,
            layer="avgpool",
        )
