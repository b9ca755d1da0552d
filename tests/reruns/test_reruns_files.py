"""Every kind of file: a missing one is made again with what depends on it, and no other."""

import os
import re
import shutil
from collections import defaultdict

import pytest

from reruns import corpora
from reruns.plans import plan, plans, recorded
from reruns.tables import with_followers
from workflow.snake import ROOT

VARYING = re.compile(
    r"(?<=/)(train|test|natural|shuffled|untrained)(?=[/.])|\d{5}|(?<=seed-)\d+"
    r"|(?<=quilt-)\d+ms"
)


def made_of(path, notes):
    """Return the logs of the job that makes `path` and of all jobs that depend on it."""
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


def without(finished, files, folder):
    """Return what is planned in a copy of `finished` without each of `files` (lists)."""
    questions = []
    for place, paths in enumerate(files):
        copy = finished.copy(folder / str(place))
        for path in paths:
            (copy.folder / path).unlink()
        questions.append((copy.folder, copy.arguments, ROOT))
    return plans(questions)


def kinds(notes):
    """Return the last file by name of each kind: of the test split and the last seed."""
    return sorted({VARYING.sub("*", path): path for path in sorted(notes)}.values())


def test_a_missing_file_is_made_again_with_what_depends_on_it(finished, tmp_path):
    notes = recorded(finished.folder)
    # One for each rule: the other outputs of a job lead to the same job.
    paths = list({notes[path]["rule"]: path for path in kinds(notes)}.values())
    planned = without(finished, [[path] for path in paths], tmp_path)
    for path, jobs in zip(paths, planned, strict=True):
        assert {job.log for job in jobs} == made_of(path, notes), path


def test_every_kind_of_missing_file_is_noticed(finished, tmp_path):
    notes = recorded(finished.folder)
    paths = kinds(notes)
    assert len(paths) > 60 and {notes[path]["rule"] for path in paths} == finished.rules()
    # Intermediate files: the first output of each job, then the second, and so on.
    rounds = defaultdict(list)
    for path in paths:
        of_job = [other for other in paths if notes[other]["log"] == notes[path]["log"]]
        rounds[of_job.index(path)].append(path)
    for gone, jobs in zip(
        rounds.values(), without(finished, rounds.values(), tmp_path), strict=True
    ):
        assert {job.log for job in jobs} >= {notes[path]["log"][0] for path in gone}


@pytest.mark.parametrize("source", ["audioset", "downloaded"])
def test_a_missing_file_of_a_source(tmp_path, source):
    finished = corpora.finished(source)
    notes = recorded(finished.folder)
    paths = [
        path for path, note in notes.items() if note["rule"] in ("fetch_metadata", "index_archives")
    ]
    assert paths
    planned = without(finished, [[path] for path in paths], tmp_path)
    for path, jobs in zip(paths, planned, strict=True):
        assert {job.log for job in jobs} == made_of(path, notes), path


def test_shards_of_one_split_do_not_affect_the_other(finished, tmp_path):
    results = "results/smoke"
    test, train, quilt = without(
        finished,
        [
            [f"{results}/audio/test/00000.h5"],
            [f"{results}/spectrograms/original/train/00000.h5"],
            [f"{results}/spectrograms/quilt-50ms/test/00000.h5"],
        ],
        tmp_path,
    )
    assert not [
        job for job in test if job.rule == "train_network" or "split=train" in job.wildcards
    ]
    assert len([job for job in test if job.rule == "decode_audio"]) == 1
    assert len([job for job in train if job.rule == "train_network"]) == 6
    assert not [job for job in train if "split=test" in job.wildcards]
    assert {job.rule for job in quilt} == {
        "compute_quilt_spectrograms",
        "index_spectrograms",
        # One job plays all stimuli to a network, so the analyses of levels run too.
        "compute_stimulus_responses",
        "quilt_responses",
        "compare_quilts",
        "level_responses",
        "assess_claims",
        "plot_quilts",
        "plot_quilts_genres",
        "plot_quilts_relative",
        "plot_levels",
        "plot_claims",
        "write_report",
        "explore_units",
        "describe_run",
    }
    assert len([job for job in quilt if job.rule == "compute_quilt_spectrograms"]) == 1


def test_logs_and_benchmarks_do_not_count(finished, tmp_path):
    copy = finished.copy(tmp_path / "copy")
    for part in ("logs", "benchmarks"):
        shutil.rmtree(copy.folder / "results/smoke" / part, ignore_errors=True)
    assert copy.plan() == set()


def test_the_content_of_a_newer_file_counts_if_it_is_small(finished, tmp_path):
    copy = finished.copy(tmp_path / "copy")
    table = copy.folder / "results/smoke/decoding/music/natural/seed-1/decoding.tsv"
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
