"""Every kind of file: when one is gone, it is made again, and what was made of it, and no other."""

import os
import re
import shutil
from collections import defaultdict

import pytest

from reruns.plans import plan, plans, recorded
from reruns.tables import RULES, followers, label, labelled, labels, with_followers
from workflow.snake import ROOT

VARYING = re.compile(
    r"(?<=/)(train|test|natural|shuffled|untrained)(?=[/.])|\d{5}|(?<=seed-)\d+|(?<=fraction-)[\d.]+\d"
    r"|(?<=quilt-)\d+ms"
)


def made_of(path, notes):
    """Return the logs of the job that makes `path` and of those that read what it makes, and on."""
    readers, outputs = defaultdict(set), defaultdict(set)
    for name, note in notes.items():
        outputs[note["log"][0]].add(name)
        for read in note["input"]:
            readers[read].add(note["log"][0])
    found, waiting = set(), [notes[path]["log"][0]]
    while waiting:
        job = waiting.pop()
        if job not in found:
            found.add(job)
            waiting.extend(reader for name in outputs[job] for reader in readers[name])
    return found


def without(finished, paths, folder):
    """Return what is planned in a copy of `finished` for each of `paths` that is gone there."""
    questions = []
    for place, path in enumerate(paths):
        copy = finished.copy(folder / str(place))
        (copy.folder / path).unlink()
        questions.append((copy.folder, copy.arguments, ROOT))
    return plans(questions)


def test_a_file_that_is_gone_is_made_again_with_what_was_made_of_it(finished, tmp_path):
    notes = recorded(finished.folder)
    # One of each kind, the last by name: of the test split and the last seed.
    paths = sorted({VARYING.sub("*", path): path for path in sorted(notes)}.values())
    assert len(paths) > 60
    assert {notes[path]["rule"] for path in paths} == finished.rules()
    for path, jobs in zip(paths, without(finished, paths, tmp_path), strict=True):
        assert {job.log for job in jobs} == made_of(path, notes), path


@pytest.mark.parametrize("source", ["audioset", "downloaded"])
def test_a_file_of_a_source_that_is_gone(of_source, tmp_path, source):
    finished = of_source(source)
    notes = recorded(finished.folder)
    paths = [
        path for path, note in notes.items() if note["rule"] in ("fetch_metadata", "index_archives")
    ]
    assert paths
    for path, jobs in zip(paths, without(finished, paths, tmp_path), strict=True):
        assert {job.log for job in jobs} == made_of(path, notes), path


def test_shards_of_one_split_concern_no_other(finished, tmp_path):
    results = "results/smoke"
    test, train, quilt = without(
        finished,
        [
            f"{results}/audio/test/00000.h5",
            f"{results}/spectrograms/original/train/00000.h5",
            f"{results}/spectrograms/quilt-50ms/test/00000.h5",
        ],
        tmp_path,
    )
    assert not [
        job for job in test if job.rule == "train_network" or "split=train" in job.wildcards
    ]
    assert len([job for job in test if job.rule == "fetch_audio"]) == 1
    assert len([job for job in train if job.rule == "train_network"]) == 6
    assert not [job for job in train if "split=test" in job.wildcards]
    assert {job.rule for job in quilt} == {
        "compute_spectrograms",
        "index_spectrograms",
        "compute_stimulus_responses",
        "quilt_responses",
        "assess_claims",
        "plot_quilts",
        "plot_claims",
        "write_report",
    }
    assert len([job for job in quilt if job.rule == "compute_spectrograms"]) == 1


def test_the_rules_that_follow_are_those_of_the_table(finished, of_source):
    notes = {
        path: note
        for source in ("embedded", "audioset", "downloaded")
        for path, note in recorded(of_source(source).folder).items()
    }

    def name(path):
        return labelled(notes[path]["rule"], original="/original/" in path)

    found = defaultdict(set)
    for path in notes:
        found[name(path)] |= set()
        for read in notes[path]["input"]:
            if read in notes:
                found[name(read)].add(name(path))
    assert dict(found) == followers()


def test_a_forced_rule_brings_what_follows_and_no_more(finished):
    names = sorted(finished.rules())
    questions = [(finished.folder, [*finished.arguments, "-R", name], ROOT) for name in names]
    for name, jobs in zip(names, plans(questions), strict=True):
        assert {label(job) for job in jobs} == with_followers(labels(name)), name
    assert set(names) == set(RULES) - {"fetch_metadata", "index_archives"}


def test_logs_and_benchmarks_do_not_count(finished, tmp_path):
    copy = finished.copy(tmp_path / "copy")
    for part in ("logs", "benchmarks"):
        shutil.rmtree(copy.folder / "results/smoke" / part, ignore_errors=True)
    assert copy.plan() == set()


def test_of_a_newer_file_the_content_counts_where_it_is_small(finished, tmp_path):
    copy = finished.copy(tmp_path / "copy")
    table = copy.folder / "results/smoke/decoding/music/natural.tsv"
    os.utime(table)
    assert copy.plan() == set()
    table.write_text("something else\n")
    assert {job.rule for job in copy.plan()} == with_followers(["decode_target"]) - {
        "decode_target"
    }


def test_all_asks_for_every_file_that_a_rule_makes(finished):
    everything = plan(finished.folder, *finished.arguments, "--forceall")
    assert {job.log for job in everything} == {
        note["log"][0] for note in recorded(finished.folder).values()
    }
