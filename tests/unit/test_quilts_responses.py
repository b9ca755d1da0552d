"""The tables of responses to quilts, from planted responses and from wrong inputs."""

import logging

import numpy as np
import pandas as pd
import pytest

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.quilts.columns import (
    QUILT_CORRELATION,
    QUILT_GENRES,
    QUILT_INTACT,
    QUILT_LEFT_OUT,
    QUILT_LENGTHS,
    QUILT_NETWORKS,
    QUILT_RESPONSES,
)
from music_detectors.quilts.responses import quilt_responses
from music_detectors.quilts.tables import read_quilt_responses
from music_detectors.selectivity.columns import UNITS
from music_detectors.selectivity.groups import groups_of_units
from music_detectors.spectrograms.columns import INDEX
from support import response_files

TABLES = {
    "responses": QUILT_RESPONSES,
    "left_out": QUILT_LEFT_OUT,
    "genres": QUILT_GENRES,
    "lengths": QUILT_LENGTHS,
    "intact": QUILT_INTACT,
    "networks": QUILT_NETWORKS,
    "correlation": QUILT_CORRELATION,
}
STIMULI = ["intact", "reversed", "quilt-50ms", "quilt-400ms"]
SEGMENTS = [None, None, 50, 400]
SEEDS = [1, 4]
N_UNITS = 16


@pytest.fixture
def corpus(tmp_path):
    return Corpus(tmp_path)


class Corpus:
    """Responses of two networks to four stimuli, whose files have different orders."""

    def __init__(self, folder):
        self.folder, self.out = folder, folder / "out"
        self.clips = response_files.clips()
        self.test = self.clips[self.clips["split"] == "test"]
        self.n_frames = {stimulus: {c: 100 for c in self.test["clip_id"]} for stimulus in STIMULI}
        self.responses, self.ranks = {}, {}
        random = np.random.default_rng(5)
        for seed in SEEDS:
            self.ranks[seed] = 1 + random.permutation(N_UNITS)
            for stimulus in STIMULI:
                values = random.gamma(2, 0.3, (len(self.test), N_UNITS)).astype(np.float32)
                self.responses[seed, stimulus] = pd.DataFrame(values, index=self.test["clip_id"])

    def table(self):
        write_table(self.folder / "clips.tsv", self.clips, CLIPS)
        self.blocks = response_files.write_blocks(self.folder / "blocks.tsv", self.clips)
        write_table(self.folder / "classes.tsv", response_files.classes(), CLASSES)
        for seed in SEEDS:
            units = pd.DataFrame({name: 0 for name in UNITS}, index=range(2 * N_UNITS))
            units["layer"] = np.repeat(["conv3", "avgpool"], N_UNITS)
            units["reported"] = units["layer"] == "avgpool"
            units["unit"] = np.tile(np.arange(N_UNITS), 2)
            # The other layer has the opposite ranks, which must not count.
            units["rank"] = np.concatenate([N_UNITS + 1 - self.ranks[seed], self.ranks[seed]])
            units["selective"] = units["rank"] <= 4
            write_table(self.folder / f"units-{seed}.tsv", units, UNITS)
        for place, stimulus in enumerate(STIMULI):
            frames = pd.Series(self.n_frames[stimulus])
            index = pd.DataFrame({"clip_id": frames.index, "n_frames": frames.to_numpy()})
            index["shard"], index["row"] = "00000", np.arange(len(index))
            write_table(self.folder / f"{stimulus}.tsv", index, INDEX)
            for seed in SEEDS:
                ids = list(np.random.default_rng(place).permutation(list(frames.index)))
                response_files.write_responses(
                    self.folder / f"{seed}-{stimulus}.h5",
                    ids,
                    {"avgpool": self.responses[seed, stimulus].loc[ids].to_numpy()},
                )
        quilt_responses(
            [self.folder / f"{stimulus}.tsv" for stimulus in STIMULI],
            [self.folder / f"{seed}-{stimulus}.h5" for stimulus in STIMULI for seed in SEEDS],
            [self.folder / f"units-{seed}.tsv" for seed in SEEDS],
            self.folder / "clips.tsv",
            self.folder / "classes.tsv",
            self.folder / "blocks.tsv",
            {name: self.out / f"{name}.tsv" for name in TABLES},
            stimuli=STIMULI,
            segment_ms=SEGMENTS,
            splits=["test"],
            seeds=SEEDS,
            layer="avgpool",
        )
        return read_table(self.out / "responses.tsv", QUILT_RESPONSES)

    def read(self, name):
        self.table()
        return read_table(self.out / f"{name}.tsv", TABLES[name])

    def expected(self, seed, stimulus, group, role, clip_ids):
        """The responses of the clips of a role; the table gives their mean and deviation."""
        ranks = self.ranks[seed]
        chosen = np.flatnonzero(ranks <= 4 if group == "most" else ranks > N_UNITS - 4)
        of_role = self.test.loc[self.test["role"] == role, "clip_id"]
        kept = [c for c in of_role if c in clip_ids]
        return self.responses[seed, stimulus].loc[kept].to_numpy().astype(float)[:, chosen].mean(1)


def check(corpus, table, clip_ids):
    assert len(table) == len(SEEDS) * len(STIMULI) * 2 * 2
    assert not table.duplicated(["seed", "stimulus", "group", "role"]).any()
    for row in table.itertuples():
        values = corpus.expected(row.seed, row.stimulus, row.group, row.role, clip_ids)
        assert row.n_clips == len(values)
        assert row.response == pytest.approx(values.mean(), rel=1e-6)
        assert row.response_sd == pytest.approx(values.std(ddof=1), rel=1e-6)


def test_means_over_units_and_clips(corpus):
    table = corpus.table()
    check(corpus, table, set(corpus.test["clip_id"]))
    lengths = table.set_index("stimulus")["segment_ms"]
    assert lengths["intact"].isna().all() and lengths["reversed"].isna().all()
    assert set(lengths["quilt-50ms"]) == {50} and set(lengths["quilt-400ms"]) == {400}
    # Mixed clips belong to neither role.
    assert table.drop_duplicates("role")["n_clips"].sum() < len(corpus.test)


def test_quilts_are_read_with_intact_clips_and_without_other_stimuli(corpus):
    every = corpus.table()
    found = read_quilt_responses(corpus.out / "responses.tsv")
    assert set(found["stimulus"]) == {"intact", "quilt-50ms", "quilt-400ms"}
    assert len(found) == len(every) * 3 // 4


def test_without_a_block_responses_are_those_to_the_clips_that_remain(corpus):
    whole = corpus.table()
    whole = whole[whole["stimulus"] != "reversed"]
    without = corpus.read("left_out")
    assert len(without) == 3 * len(whole)
    keys = ["seed", "split", "stimulus", "group", "role"]
    for block, rows in without.groupby("block"):
        assert set(map(tuple, rows[keys].to_numpy())) == set(map(tuple, whole[keys].to_numpy()))
        left = {clip for clip, own in corpus.blocks.items() if own != block}
        for row in rows.itertuples():
            values = corpus.expected(row.seed, row.stimulus, row.group, row.role, left)
            assert row.n_clips == len(values)
            assert row.response == pytest.approx(values.mean(), rel=1e-6)
            assert row.response_sd == pytest.approx(values.std(ddof=1), rel=1e-6)
            assert (row.segment_ms == 50) == (row.stimulus == "quilt-50ms")


def test_genres_are_means_over_their_target_clips(corpus):
    table = corpus.read("genres")
    assert set(table["mid"]) == {"/m/jazz"} and set(table["name"]) == {"Jazz"}
    assert len(table) == len(SEEDS) * len(STIMULI) * 2
    # Mixed clips of the genre do not count.
    target = corpus.test[corpus.test["role"] == "target"]
    of_genre = set(target.loc[target["labels"].str.contains("jazz"), "clip_id"])
    for row in table.itertuples():
        values = corpus.expected(row.seed, row.stimulus, row.group, "target", of_genre)
        assert 0 < row.n_clips == len(values) < len(target)
        assert row.response == pytest.approx(values.mean(), rel=1e-6)
        assert row.response_sd == pytest.approx(values.std(ddof=1), rel=1e-6)


def test_quilts_are_compared_with_the_same_clips_intact(corpus):
    table = corpus.read("intact")
    assert len(table) == len(SEEDS) * 2 * 2 * 2
    every = set(corpus.test["clip_id"])
    for _, rows in table.groupby(["seed", "group", "role"]):
        for row in rows.itertuples():
            quilt, intact = (
                corpus.expected(row.seed, stimulus, row.group, row.role, every)
                for stimulus in (f"quilt-{row.segment_ms:g}ms", "intact")
            )
            assert row.n_clips == len(quilt)
            np.testing.assert_allclose(
                [row.response, row.intact, row.relative, row.difference],
                [
                    quilt.mean(),
                    intact.mean(),
                    quilt.mean() / intact.mean(),
                    (quilt - intact).mean(),
                ],
                rtol=1e-5,
            )


def test_units_that_do_not_respond_have_no_ratio(corpus):
    for frame in corpus.responses.values():
        frame.iloc[:, :] = 0
    table = corpus.read("intact")
    assert (table["difference"] == 0).all()
    assert table["relative"].isna().all()


def test_responses_that_may_be_negative_have_no_ratio(corpus):
    for frame in corpus.responses.values():
        frame -= 1
    table = corpus.read("intact")
    assert table["relative"].isna().all() and table["difference"].notna().all()
    assert corpus.read("lengths").query("slope_relative == slope_relative").empty


def test_train_clips_are_shown_beside_test_clips_and_read_only_on_request(corpus):
    corpus.table()
    quilt_responses(
        2 * [corpus.folder / f"{stimulus}.tsv" for stimulus in STIMULI],
        2 * [corpus.folder / f"{s}-{stimulus}.h5" for stimulus in STIMULI for s in SEEDS],
        [corpus.folder / f"units-{seed}.tsv" for seed in SEEDS],
        corpus.folder / "clips.tsv",
        corpus.folder / "classes.tsv",
        corpus.folder / "blocks.tsv",
        {name: corpus.out / f"{name}.tsv" for name in TABLES},
        stimuli=STIMULI,
        segment_ms=SEGMENTS,
        splits=["train", "test"],
        seeds=SEEDS,
        layer="avgpool",
    )
    table = read_table(corpus.out / "responses.tsv", QUILT_RESPONSES)
    # The files have test clips alone.
    assert (table.loc[table["split"] == "train", "n_clips"] == 0).all()
    check(corpus, table[table["split"] == "test"], set(corpus.test["clip_id"]))
    assert set(read_quilt_responses(corpus.out / "responses.tsv")["split"]) == {"test"}
    assert set(read_table(corpus.out / "left_out.tsv", QUILT_LEFT_OUT)["split"]) == {"test"}


def test_only_clips_that_every_stimulus_has_at_one_length(corpus):
    kept = set(corpus.test["clip_id"])
    for stimulus, clip_id in (("quilt-50ms", "test-0000"), ("quilt-400ms", "test-0001")):
        del corpus.n_frames[stimulus][clip_id]
        kept.remove(clip_id)
    corpus.n_frames["quilt-400ms"]["test-0002"] = 97
    kept.remove("test-0002")
    for stimulus in STIMULI:
        # Short, but alike in all.
        corpus.n_frames[stimulus]["test-0003"] = 60
    check(corpus, corpus.table(), kept)


def test_without_a_clip_to_compare_responses_are_missing(corpus, caplog):
    corpus.n_frames["quilt-400ms"] = {c: 90 for c in corpus.test["clip_id"]}
    with caplog.at_level(logging.WARNING):
        table = corpus.table()
    assert (table["n_clips"] == 0).all() and table["response"].isna().all()
    assert "lower stimuli.compared_seconds" in caplog.text


def test_a_role_without_clips(corpus):
    corpus.clips["role"] = corpus.clips["role"].replace("target", "mixed")
    corpus.test = corpus.clips[corpus.clips["split"] == "test"]
    table = corpus.table().set_index("role")
    assert (table.loc["target", "n_clips"] == 0).all()
    assert table.loc["target", "response"].isna().all()
    assert table.loc["other", "response"].notna().all()


def test_a_layer_without_selective_units(corpus):
    corpus.table()
    with pytest.raises(
        InputError, match=r"units-1\.tsv: damaged table \(has no selective unit of fc1"
    ):
        groups_of_units(corpus.folder / "units-1.tsv", "fc1")


def test_responses_that_are_not_those_of_the_index(corpus, monkeypatch):
    write = response_files.write_responses

    def forgetful(path, ids, responses):
        kept = [place for place, clip_id in enumerate(ids) if clip_id != "test-0001"]
        write(path, [ids[k] for k in kept], {k: v[kept] for k, v in responses.items()})

    monkeypatch.setattr(response_files, "write_responses", forgetful)
    with pytest.raises(
        InputError, match=r"1-intact\.h5: damaged responses \(lacks clip test-0001 of its index"
    ):
        corpus.table()
