"""Samples of many clips: by role, by recording, and the same for every network."""

import logging

import numpy as np
import pandas as pd
import pytest

from music_detectors.responses.sample import sampled

SHARES = {"target": 0.25, "other": 0.6, "mixed": 0.15}
N, OF_A_RECORDING = 6000, 3


@pytest.fixture
def corpus():
    rng = np.random.default_rng(1)
    role = np.repeat(rng.choice(list(SHARES), p=list(SHARES.values()), size=N // 3), OF_A_RECORDING)
    return pd.DataFrame(
        {
            "clip_id": [f"c{place}" for place in range(N)],
            "split": np.repeat(["train", "test"], N // 2),
            "role": role,
            "group": [f"g{place // OF_A_RECORDING}" for place in rng.permutation(N)],
        }
    ).assign(group=np.repeat([f"g{place}" for place in rng.permutation(N // 3)], OF_A_RECORDING))


def test_few_clips_are_all_kept(corpus, caplog):
    train = corpus[corpus["split"] == "train"]
    with caplog.at_level(logging.WARNING):
        assert sampled(train, corpus, "train", len(train), 1, "decoding").all()
    assert not caplog.messages


def test_each_role_has_its_share_and_recordings_stay_together(corpus, caplog):
    train = corpus[corpus["split"] == "train"]
    with caplog.at_level(logging.WARNING):
        kept = sampled(train, corpus, "train", 600, 1, "decoding")
    assert caplog.messages == ["decoding: a random sample of 600 of 3000 train clips, by role"]
    for role in SHARES:
        own = train["role"] == role
        assert abs(kept[own].sum() - 600 * own.sum() / len(train)) < 1
    of_groups = train.assign(kept=kept).groupby("group")["kept"].mean()
    # At most the last recording of each role is in parts.
    assert of_groups.between(0, 1, inclusive="neither").sum() <= len(SHARES)
    assert (of_groups == 1).sum() == pytest.approx(200, abs=len(SHARES))


def test_the_sample_follows_from_seed_and_split_alone(corpus):
    train = corpus[corpus["split"] == "train"]

    def ids(clips, most=600, seed=1, split="train"):
        return set(clips["clip_id"][sampled(clips, corpus, split, most, seed, "decoding")])

    first = ids(train)
    assert ids(train.sample(frac=1, random_state=5)) == first
    assert ids(train, seed=2) != first
    # Smaller samples are part of larger ones, and clips that are missing change little.
    assert ids(train, most=300) < first
    fewer = train.iloc[30:]
    assert len(ids(fewer) & first) > 0.95 * len(first)


def test_no_recording_is_more_likely_than_another(corpus):
    train = corpus[corpus["split"] == "train"]
    counts = sum(
        sampled(train, corpus, "train", 600, seed, "decoding").astype(int) for seed in range(200)
    )
    # 200 draws with a share of a fifth: 40 with an SD of 5.7.
    assert counts.min() > 12 and counts.max() < 70
    assert counts.std() == pytest.approx(5.7, abs=0.6)
