"""A killed job of lesions goes on where it was, with the same results."""

import numpy as np
import pytest
from unit.test_lesions_units import Network, run_one

from music_detectors.common.files import sha256
from music_detectors.lesions import journal as module
from music_detectors.lesions.journal import Journal, Scores


def scores(number):
    with_blocks = number % 2
    return Scores(
        np.full(3, number / 7), np.full(3, np.nan), np.full((2, 2), number) if with_blocks else None
    )


def same(one, other):
    np.testing.assert_array_equal(one.everywhere, other.everywhere)
    np.testing.assert_array_equal(one.on_other, other.on_other)
    assert (one.blocks is None) == (other.blocks is None)
    if one.blocks is not None:
        np.testing.assert_array_equal(one.blocks, other.blocks)


def written(path, monkeypatch, digest="of these", n=5):
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_WRITES", 0)
    journal = Journal(path, digest)
    for number in range(n):
        journal.add(scores(number))


def test_what_was_added_is_there_again(tmp_path, monkeypatch):
    written(tmp_path / "journal.h5", monkeypatch)
    again = Journal(tmp_path / "journal.h5", "of these").scores
    assert len(again) == 5
    for number, found in enumerate(again):
        same(found, scores(number))


def test_it_is_not_written_for_each_lesion(tmp_path):
    journal = Journal(tmp_path / "journal.h5", "of these")
    journal.add(scores(0))
    assert not (tmp_path / "journal.h5").exists()


def test_a_journal_of_other_data_is_ignored(tmp_path, monkeypatch, caplog):
    written(tmp_path / "journal.h5", monkeypatch)
    assert not Journal(tmp_path / "journal.h5", "of others").scores
    assert "belongs to other data" in caplog.text


def test_a_damaged_journal_is_removed(tmp_path, monkeypatch, caplog):
    path = tmp_path / "journal.h5"
    written(path, monkeypatch)
    path.write_bytes(path.read_bytes()[:-50])
    assert not Journal(path, "of these").scores and not path.exists()
    assert "starting from the first lesion" in caplog.text


class Killed(Exception):
    pass


@pytest.mark.parametrize("after", [1, 9])
def test_a_killed_job_reaches_the_same_bytes(tmp_path, monkeypatch, caplog, after):
    caplog.set_level("INFO")
    names = ("lesions.tsv", "lesion_classes.tsv", "left_out.tsv")
    network = Network(tmp_path / "network").write()
    run_one(network)
    expected = [sha256(network.folder / name) for name in names]
    for name in names:
        (network.folder / name).unlink()
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_WRITES", 0)
    add, done = Journal.add, []

    def add_or_die(journal, found):
        add(journal, found)
        done.append(found)
        if len(done) == after:
            raise Killed

    monkeypatch.setattr(Journal, "add", add_or_die)
    with pytest.raises(Killed):
        run_one(network)
    assert (network.folder / "journal.h5").exists()
    run_one(network)
    assert f"continuing after {after} lesions" in caplog.text
    assert [sha256(network.folder / name) for name in names] == expected
    assert not (network.folder / "journal.h5").exists()


def test_another_code_starts_anew(tmp_path, monkeypatch, caplog):
    network = Network(tmp_path / "network").write()
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_WRITES", 0)
    monkeypatch.setattr(Journal, "remove", lambda journal: None)
    run_one(network)
    run_one(network, code="another")
    assert "belongs to other data" in caplog.text
