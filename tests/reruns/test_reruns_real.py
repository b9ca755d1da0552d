"""The same on a real run: the stand-in has the same records, and what is planned is done."""

import shutil

import pandas as pd
import pytest

from music_detectors.common.tables import read_table
from music_detectors.lesions.columns import LESION_CLASSES, LESIONS
from reruns import corpora
from reruns.corpora import Finished
from reruns.plans import recorded
from workflow.snake import executed, preset, snakemake, written

SMOKE = tuple(preset("smoke"))
RESULTS = "results/smoke"
# Two natural, full, without speech, shuffled and untrained networks have lesions.
LESIONED = 10
# Tables of each network.
FILES = 3


@pytest.fixture
def run(smoke, tmp_path):
    """A copy of the run, to change."""
    shutil.copytree(smoke, tmp_path / "run")
    return Finished(tmp_path / "run", SMOKE)


def do(run, *arguments):
    """Run Snakemake, which must succeed; returns the rules whose jobs ended."""
    ended = snakemake(run.folder, *SMOKE, *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def contents(run, part="results"):
    """The bytes of every table and array; logs, benchmarks and the report hold times.

    A checksum (hidden) follows from its file.
    """
    return {
        path.relative_to(run.folder).as_posix(): path.read_bytes()
        for path in sorted((run.folder / part).rglob("*"))
        if path.is_file()
        and not path.name.startswith(".")
        and not {"logs", "benchmarks", "report.html"} & set(path.parts)
    }


def test_the_stand_in_has_the_same_records_as_a_real_run(smoke):
    real, stood_in = recorded(smoke), recorded(corpora.finished("smoke").folder)
    assert set(real) == set(stood_in)
    for path, note in real.items():
        for part in ("rule", "input", "params", "log", "conda_env", "software_stack_hash"):
            assert note[part] == stood_in[path][part], (path, part)


def test_after_a_run_nothing_is_planned(smoke):
    ended = snakemake(smoke, *SMOKE)
    assert ended.returncode == 0
    assert "Nothing to be done" in ended.stdout + ended.stderr


def test_a_missing_table_is_made_again_with_the_same_bytes(run):
    before = contents(run)
    table = f"{RESULTS}/lesions/music/natural/seed-2/lesions.tsv"
    (run.folder / table).unlink()
    do(run)
    assert contents(run) == before
    assert run.plan() == set()


def test_one_more_lesion_fraction_is_drawn_and_leaves_the_rows_of_others(run):
    before = contents(run)
    more = written(run.folder / "more.yaml", {"lesions": {"fractions": [0.125, 0.25, 0.5]}})
    tables = [
        (run.folder / f"{RESULTS}/lesions/music/natural/seed-1/{name}.tsv", columns)
        for name, columns in (("lesions", LESIONS), ("classes", LESION_CLASSES))
    ]
    drawn = [read_table(path, columns) for path, columns in tables]
    do(run, more)
    after = contents(run)
    assert set(after) == set(before)
    changed = {path for path in before if after[path] != before[path]}
    # The lesions of claims are of the same fraction as before, without each block too.
    names = {path.rpartition("/")[2] for path in changed if "/lesions/" in path}
    assert names == {"lesions.tsv", "classes.tsv"}
    # The run's description lists its files with their sizes and checksums, and has its settings.
    assert changed - {path for path in changed if "/lesions/" in path} == {
        f"{RESULTS}/{name}"
        for name in (
            "figures/lesion_dose.svg",
            "figures/lesion_dose.png",
            "configuration.json",
            "ro-crate-metadata.json",
        )
    }
    for (path, columns), table in zip(tables, drawn, strict=True):
        found = read_table(path, columns)
        others = found[found["fraction"] != 0.25].reset_index(drop=True)
        pd.testing.assert_frame_equal(others, table)
        assert (found["fraction"] == 0.25).any()


def test_new_limits_train_nothing_and_stop_what_they_forbid(run):
    before = contents(run, f"{RESULTS}/networks")
    looser = written(run.folder / "looser.yaml", {"audio": {"max_bad_share": 0.5}})
    said = do(run, looser)
    assert "check_audio" in executed(said) and "train_network" not in executed(said)
    assert contents(run, f"{RESULTS}/networks") == before
    stricter = written(run.folder / "stricter.yaml", {"audio": {"min_clips": {"train": 9999}}})
    ended = snakemake(run.folder, *SMOKE, stricter)
    assert ended.returncode != 0
    assert "audio.min_clips.train asks for 9999" in ended.stdout + ended.stderr
    assert contents(run, f"{RESULTS}/networks") == before
    # If only a network is requested, its job checks its clips itself.
    weights = f"{RESULTS}/networks/natural/seed-1/weights.safetensors"
    (run.folder / weights).unlink()
    ended = snakemake(run.folder, *SMOKE, stricter, "--", weights)
    assert ended.returncode != 0 and "failed   train_network" in ended.stderr
    assert "audio.min_clips.train asks for 9999" in ended.stdout + ended.stderr
    assert not (run.folder / weights).exists()


def test_a_second_corpus_in_the_same_folder(run):
    before = {path: path.stat().st_mtime_ns for path in (run.folder / RESULTS).rglob("*")}
    second = written(run.folder / "second.yaml", {"corpus": {"name": "second"}})
    do(run, second, "--until", "make_corpus")
    made = {path.name for path in (run.folder / "results/second").rglob("[!.]*") if path.is_file()}
    assert made == {
        *("branches.tsv", "clips.tsv", "classes.tsv", "summary.tsv"),
        *("job.log", "job.tsv"),
    }
    after = {path: path.stat().st_mtime_ns for path in (run.folder / RESULTS).rglob("*")}
    assert after == before
    assert run.plan() == set()


def test_force_and_until_do_what_they_say(run):
    times = {
        path: path.stat().st_mtime_ns
        for path in (run.folder / RESULTS).rglob("[!.]*")
        if path.is_file()
    }
    before = contents(run)
    do(run, "-R", "lesion_units", "--until", "lesion_units")
    written_anew = {path for path in times if path.stat().st_mtime_ns != times[path]}
    made = {path.relative_to(run.folder / RESULTS).parts[0] for path in written_anew}
    assert made == {"lesions", "logs", "benchmarks"}
    assert len([path for path in written_anew if "lesions" in path.parts]) == FILES * LESIONED
    assert contents(run) == before
