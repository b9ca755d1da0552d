"""Damaged checkpoints and journals are dropped with a warning; sounds and weights stay right."""

import random

import pytest
import torch

from damage.harm import flipped
from music_detectors.audio.failures import Systemic
from music_detectors.audio.fetched import FETCHED, Fetched, is_intact, read_fetched
from music_detectors.audio.journal import Journal
from music_detectors.common.errors import InputError
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


CONTENTS = {name: bytes([place]) * 700 * (1 + place) for place, name in enumerate("abc")}


def answer_of(name, status=FETCHED):
    return Fetched(f"key {name}", name, "url", status, "", "", 1, "")


def add(journal, folder, name):
    (folder / name).write_bytes(CONTENTS[name])
    journal.add(answer_of(name), folder / name)


def content(journal, answer):
    return b"".join(journal._content(answer))


def bare(answer):
    return answer._replace(size=0, checksum=0, offset=0)


def changes(content, n):
    draw = random.Random(len(content))
    for place in sorted(draw.sample(range(len(content)), min(n, len(content)))):
        yield flipped(content, place, draw.randrange(8))
    for length in (0, 1, len(content) // 2, len(content) - 1):
        yield content[:length]


@pytest.fixture
def journal(tmp_path):
    """A journal of two jobs, of which the second asked for one clip again."""
    folder = tmp_path / "journal"
    with Journal(folder) as journal:
        add(journal, tmp_path, "a")
        add(journal, tmp_path, "b")
        journal.add(answer_of("c", "unavailable"))
    with Journal(folder) as journal:
        add(journal, tmp_path, "c")
    return folder


@pytest.mark.parametrize("name", ["answers.jsonl", "recordings"])
def test_a_damaged_journal_loses_clips_and_invents_none(journal, name):
    known = {name: (answer_of(name),) for name in "ab"}
    known["c"] = answer_of("c"), answer_of("c", "unavailable")
    path = journal / name
    whole = {path.name: path.read_bytes() for path in journal.iterdir()}
    for changed in changes(whole[name], 300):
        for other, kept in whole.items():
            (journal / other).write_bytes(kept)
        path.write_bytes(changed)
        with Journal(journal) as opened:
            for one in opened.answers.values():
                assert bare(one) in known[one.clip_id]
                if one.status == FETCHED:
                    assert content(opened, one) == CONTENTS[one.clip_id]


def finished(folder, tmp_path):
    """Finish a shard; returns its archive."""
    path = tmp_path / "a.fetched.tar"
    with Journal(folder) as journal:
        for name in CONTENTS:
            add(journal, tmp_path, name)
        journal.finish(path, [f"key {name}" for name in CONTENTS])
    return path


def test_undamaged_clips_of_a_finished_shard_are_kept(tmp_path):
    folder = tmp_path / "journal"
    path = finished(folder, tmp_path)
    assert [path.name for path in folder.iterdir()] == ["fetched.tar"]
    assert path.samefile(folder / "fetched.tar")
    whole = path.read_bytes()
    remembered = []
    for changed in changes(whole, 300):
        path.write_bytes(changed)
        with Journal(folder) as journal:
            for one in journal.answers.values():
                assert bare(one) == answer_of(one.clip_id)
                assert content(journal, one) == CONTENTS[one.clip_id]
            remembered.append(len(journal.answers))
        # It is refused, or every answer in it is right.
        try:
            found = read_fetched(path)
        except InputError as error:
            assert f"{path}: damaged archive of fetched recordings (" in str(error)
            assert f"rm -r {path}, then the same command again" in str(error)
        else:
            assert {bare(one) for one in found.values()} == {answer_of(one) for one in CONTENTS}
            intact = {one.clip_id for one in found.values() if is_intact(one, path)}
            assert intact == {one.clip_id for one in journal.answers.values()}
    # A flipped bit costs one clip at most, unless it hits where the list is.
    assert {0, 2, 3} <= set(remembered)
    path.write_bytes(whole)
    with Journal(folder) as journal:
        assert len(journal.answers) == 3


def test_an_archive_of_another_shard_is_refused(tmp_path):
    place = tmp_path / "results" / "mine" / "audio" / "train"
    place.mkdir(parents=True)
    path = finished(tmp_path / "journal", place)
    other = path.rename(place / "b.fetched.tar")
    with pytest.raises(
        InputError, match=r"written as audio/train/a\.fetched\.tar, which was moved"
    ):
        read_fetched(other)


@pytest.mark.parametrize(
    "name", ["answers.jsonl", "recordings", "reading.jsonl", "fetched.tar", ""]
)
def test_a_folder_in_place_of_a_file_and_a_file_in_place_of_a_folder(tmp_path, name, caplog):
    folder = tmp_path / "journal"
    if name:
        (folder / name / "more").mkdir(parents=True)
    else:
        folder.write_text("a file")
    path = finished(folder, tmp_path)
    assert f"{folder / name} is removed: " in caplog.text
    assert path.samefile(folder / "fetched.tar")


def test_recordings_that_change_while_the_job_runs_are_not_used(journal):
    with Journal(journal) as opened:
        kept = (journal / "recordings").read_bytes()
        (journal / "recordings").write_bytes(flipped(kept, len(kept) - 1, 3))
        with pytest.raises(Systemic, match="recording of clip c has changed on disk"):
            content(opened, opened.answers["key c"])


def test_torch_does_not_unpickle(tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "checkpoint.safetensors")
    state = module.Training(
        network=None, optimizer=None, steps=0, kept=None, history=[], snapshots={}
    )
    module.resume(tmp_path / "checkpoint.safetensors", "any", state)
    assert not (tmp_path / "checkpoint.safetensors").exists()
