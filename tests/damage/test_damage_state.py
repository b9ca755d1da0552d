"""Damaged checkpoints and journals are dropped with a warning; samples and weights stay right."""

import random

import numpy as np
import pytest
import torch

from damage.harm import flipped
from music_detectors.audio.journal import ClipResult, Journal
from music_detectors.audio.storage import AudioShard, write_audio_shard
from music_detectors.common.files import sha256
from music_detectors.training import checkpoint as module
from music_detectors.training.train import Outputs, train_networks
from support.networks_corpus import make_corpus, settings


def train(corpus, folder):
    names = ("weights.safetensors", "snapshots.safetensors", "history.tsv", "clips.tsv")
    train_networks(
        index=corpus.index,
        clips=corpus.clips,
        classes=corpus.classes,
        branches=corpus.branches,
        settings=[settings(epochs=2)],
        outputs=[Outputs(*(folder / name for name in (*names, "checkpoint.safetensors")))],
        memory_mb=100,
        device="cpu",
        threads=1,
        code="code",
    )
    return sha256(folder / "weights.safetensors")


class Killed(Exception):
    pass


def test_a_damaged_checkpoint_is_dropped_and_training_gives_the_same_weights(
    tmp_path, monkeypatch, caplog
):
    corpus = make_corpus(tmp_path, n=12)
    expected = train(corpus, tmp_path / "whole")
    kept = tmp_path / "killed" / "checkpoint.safetensors"

    def save_and_die(*arguments):
        saved(*arguments)
        raise Killed

    saved = module.save_checkpoint
    with monkeypatch.context() as patch:
        patch.setattr("music_detectors.training.train.save_checkpoint", save_and_die)
        patch.setattr("music_detectors.training.train._SECONDS_BETWEEN_CHECKPOINTS", 0)
        with pytest.raises(Killed):
            train(corpus, tmp_path / "killed")
    content = kept.read_bytes()
    draw = random.Random(2)
    damaged = [b"", content[:8], content[: len(content) // 2], content + b"0"]
    # The header, the metadata, and the tensors.
    for place in (0, 9, content.index(b"history"), draw.randrange(4000, len(content))):
        damaged.append(flipped(content, place, 1))
    for number, changed in enumerate(damaged):
        kept.write_bytes(changed)
        caplog.clear()
        state = module.Training(
            network=None, optimizer=None, steps=0, kept=None, history=[], snapshots={}
        )
        module.resume(kept, "any", state)
        assert state.history == [] and not kept.exists(), number
        (warning,) = caplog.messages
        assert warning.startswith(f"{kept} is removed: {kept}: damaged checkpoint (")
        assert warning.endswith("), starting from the first epoch")
    kept.mkdir()
    assert train(corpus, tmp_path / "killed") == expected
    assert not kept.exists()


LENGTHS = {"a": 40, "b": 25, "c": 30}


def sound(name):
    return np.arange(LENGTHS[name], dtype=np.int16) * (1 + "abc".index(name))


def result_of(name, status="ok", remote=True):
    return ClipResult(
        clip_id=name,
        key=f"key-{name}",
        status=status,
        reason="",
        message="",
        attempts=1,
        source="url",
        remote=remote,
        terms="",
        n_samples=LENGTHS[name] if status == "ok" else 0,
        rms_db=-20.0,
        decoder="soundfile",
        decoder_version="1",
    )


def changes(content, n):
    draw = random.Random(len(content))
    for place in sorted(draw.sample(range(len(content)), min(n, len(content)))):
        yield flipped(content, place, draw.randrange(8))
    for length in (0, 1, len(content) // 2, len(content) - 1):
        yield content[:length]


@pytest.fixture
def journal(tmp_path):
    """A journal of two jobs under different settings."""
    folder = tmp_path / "journal"
    with Journal(folder, "first") as journal:
        journal.add(result_of("a"), sound("a"))
        journal.add(result_of("b"), sound("b"))
        journal.add(result_of("c", "silent"), None)
    with Journal(folder, "second") as journal:
        journal.add(result_of("a", "silent"), None)
        journal.add(result_of("c"), sound("c"))
    return folder


@pytest.mark.parametrize("name", ["open.jsonl", "samples.i16"])
def test_a_damaged_journal_loses_clips_and_invents_none(journal, name):
    first = {"a": result_of("a"), "b": result_of("b"), "c": result_of("c", "silent")}
    second = {"a": result_of("a", "silent"), "c": result_of("c")}
    path = journal / name
    whole = {path.name: path.read_bytes() for path in journal.iterdir()}
    for content in changes(whole[name], 150):
        for under, own in (("first", first), ("second", second)):
            for other, kept in whole.items():
                (journal / other).write_bytes(kept)
            path.write_bytes(content)
            with Journal(journal, under) as opened:
                # What counts as ended under these settings must have ended under them.
                for clip, one in opened.results.items():
                    assert one._replace(place=-1, checksum=0) == own[clip]
                    if one.status == "ok":
                        np.testing.assert_array_equal(opened.samples(one), sound(clip))
                for clip, one in opened.remembered.items():
                    alike = one._replace(place=-1, checksum=0)
                    assert alike in (first.get(clip), second.get(clip))
                    if one.status == "ok":
                        np.testing.assert_array_equal(opened.samples(one), sound(clip))


def finished(folder, tmp_path):
    """Finish a shard whose clips all came over the network; returns the shard."""
    with Journal(folder, "s") as journal:
        for name in LENGTHS:
            journal.add(result_of(name), sound(name))
        samples = np.zeros((3, 40), np.int16)
        for row, name in zip(samples, LENGTHS, strict=True):
            row[: LENGTHS[name]] = sound(name)
        lengths = np.array(list(LENGTHS.values()))
        path = tmp_path / "a.h5"
        write_audio_shard(path, AudioShard(samples, lengths, list("abc"), 22_050, "x", "1"))
        journal.finish(path)
    return path


@pytest.mark.parametrize("name", ["finished.jsonl", "shard.h5"])
def test_undamaged_clips_of_a_finished_shard_are_kept(tmp_path, name):
    folder = tmp_path / "journal"
    finished(folder, tmp_path)
    assert {path.name for path in folder.iterdir()} == {"finished.jsonl", "shard.h5"}
    path = folder / name
    whole = path.read_bytes()
    remembered = []
    for content in changes(whole, 150):
        path.write_bytes(content)
        with Journal(folder, "s") as journal:
            assert not journal.results
            for clip, one in journal.remembered.items():
                assert one._replace(place=-1, checksum=0) == result_of(clip)
                np.testing.assert_array_equal(journal.samples(one), sound(clip))
            remembered.append(len(journal.remembered))
        (folder / "open.jsonl").unlink()
    # A flipped bit costs one clip at most, unless it hits the table of their places.
    assert {0, 2} <= set(remembered)
    path.write_bytes(whole)
    with Journal(folder, "s") as journal:
        assert set(journal.remembered) == set(LENGTHS)


@pytest.mark.parametrize("name", ["open.jsonl", "samples.i16", "finished.jsonl", "shard.h5", ""])
def test_a_folder_in_place_of_a_file_and_a_file_in_place_of_a_folder(tmp_path, name, caplog):
    folder = tmp_path / "journal"
    if name:
        (folder / name / "more").mkdir(parents=True)
    else:
        folder.write_text("a file")
    audio = finished(folder, tmp_path)
    assert f"{folder / name} is removed: " in caplog.text
    assert audio.samefile(folder / "shard.h5")


def test_samples_that_change_while_the_job_runs_are_not_used(journal):
    with Journal(journal, "second") as opened:
        content = (journal / "samples.i16").read_bytes()
        (journal / "samples.i16").write_bytes(flipped(content, len(content) - 1, 3))
        with pytest.raises(Exception, match="samples of clip c have changed on disk"):
            opened.samples(opened.results["c"])


def test_torch_does_not_unpickle(tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "checkpoint.safetensors")
    state = module.Training(
        network=None, optimizer=None, steps=0, kept=None, history=[], snapshots={}
    )
    module.resume(tmp_path / "checkpoint.safetensors", "any", state)
    assert not (tmp_path / "checkpoint.safetensors").exists()
