"""Results of another master seed or another training, at their right places, are found."""

import re
import shutil
import subprocess

import numpy as np
import pytest
import torch

from attack.test_attack_places import COLUMNS, KINDS, write_a_table
from music_detectors.common.damage import checksum_path
from music_detectors.common.files import sha256
from music_detectors.common.job import job
from music_detectors.common.seeds import generator
from music_detectors.common.tables import read_table
from music_detectors.models.weights import read_tensors, write_tensors
from music_detectors.responses.files import create_responses, read_responses
from music_detectors.selectivity.selective import selective_responses
from music_detectors.selectivity.units import selectivity_units
from support.response_files import LAYERS, corpus
from workflow.snake import preset, snakemake

# One of each kind of table, by its path below results/<corpus>/.
TABLES = {
    "units": "selectivity/music/natural/seed-1/units.tsv",
    "segregation": "embedding/music/natural/seed-1/segregation.tsv",
    "quilts": "quilts/music/natural/responses.tsv",
    "lesions": "lesions/music/natural/seed-1/lesions.tsv",
    "average precision": "recognition/natural/seed-1/average_precision.tsv",
}
RESPONSES = "responses/natural/seed-1/original/test.h5"
WEIGHTS = "networks/natural/seed-1/weights.safetensors"


class Run:
    """The results of a run with its master `seed`, whose jobs are blocks of a test."""

    def __init__(self, folder, seed, capsys):
        self._log, self._seed, self._capsys = folder / "job.log", seed, capsys
        self._results = folder / "results" / "corpus"

    def path(self, name):
        path = self._results / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def job(self):
        return job(str(self._log), self._seed)

    def take(self, other, name):
        """Put a result of the `other` run, with its checksum, in the place of our own."""
        shutil.copy(other.path(name), self.path(name))
        if checksum_path(other.path(name)).exists():
            shutil.copy(checksum_path(other.path(name)), checksum_path(self.path(name)))

    def refuses(self, read, *names, says):
        """Fail unless a job that reads ends in one line about the first of `names`.

        The advice in it removes these files, and their checksums.
        """
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended, self.job():
            read()
        assert ended.value.code == 1
        (line,) = self._capsys.readouterr().err.splitlines()
        assert line.startswith(f"error: {self.path(names[0])}: holds the ") and says in line
        advice = re.search(r"rebuild (?:it|them): (rm .*), then the same", line)[1]
        subprocess.run(advice, shell=True, check=True)
        for name in names:
            assert not self.path(name).exists() and not checksum_path(self.path(name)).exists()


@pytest.fixture
def runs(tmp_path, capsys):
    """Two runs with the master seeds 1 and 2."""
    return [Run(tmp_path / str(seed), seed, capsys) for seed in (1, 2)]


@pytest.fixture
def trained_twice(tmp_path, capsys):
    """Two runs with the same seed, whose networks differ because of other settings."""
    return [Run(tmp_path / name, 1, capsys) for name in ("ours", "other")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_of_another_master_seed_is_refused(runs, kind):
    write, read, (name, _) = KINDS[kind]
    ours, other = runs
    for run in runs:
        with run.job():
            generator(1, "something")
            write(run.path(name), 1)
            read(run.path(name))
    ours.take(other, name)
    ours.refuses(
        lambda: read(ours.path(name)),
        name,
        says="of the master seed 2, but seed is 1 in the configuration",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_from_it_without_a_draw_of_its_own_is_refused_too(runs, kind):
    write, read, (name, _) = KINDS[kind]
    ours, other = runs
    for run in runs:
        with run.job():
            generator(1, "something")
            write_a_table(run.path("corpus/clips.tsv"), 1)
        with run.job():
            read_table(run.path("corpus/clips.tsv"), COLUMNS)
            write(run.path(name), 1)
    ours.take(other, name)
    ours.refuses(lambda: read(ours.path(name)), name, says="of the master seed 2")


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_without_random_draws_serves_every_seed(runs, kind):
    write, read, (name, _) = KINDS[kind]
    ours, other = runs
    with other.job():
        write(other.path(name), 1)
    ours.take(other, name)
    with ours.job():
        read(ours.path(name))


def write_responses(run, values, name=RESPONSES, ids=("a",)):
    """Write responses of the network at WEIGHTS: `values` (clips, units) by layer."""
    units = {layer: of_layer.shape[1] for layer, of_layer in values.items()}
    with create_responses(
        run.path(name), ids, units, LAYERS, sha256(run.path(WEIGHTS)), "original"
    ) as file:
        for layer, of_layer in values.items():
            file[layer][:] = of_layer


def constant(value):
    return {layer: np.full((1, 3), float(value)) for layer in LAYERS.names}


def train(run, value):
    write_tensors(run.path(WEIGHTS), {"a": torch.full((2,), float(value))}, {})


@pytest.mark.parametrize("table", TABLES)
def test_a_table_about_another_training_of_a_network_is_refused(trained_twice, table):
    for value, run in enumerate(trained_twice):
        with run.job():
            train(run, value)
        with run.job():
            read_tensors(run.path(WEIGHTS))
            write_responses(run, constant(value))
        with run.job():
            read_responses(run.path(RESPONSES))
            write_a_table(run.path(TABLES[table]), value)
        # A table that is made from tables alone is about the same network.
        with run.job():
            read_table(run.path(TABLES[table]), COLUMNS)
            write_a_table(run.path("claims/claims.tsv"), value)
    ours, other = trained_twice
    ours.take(other, TABLES[table])

    def read(*names):
        for name in names:
            read_table(ours.path(name), COLUMNS)

    says = "of another network natural/seed-1 than"
    with other.job():
        read_table(ours.path(TABLES[table]), COLUMNS)
        read_table(other.path("claims/claims.tsv"), COLUMNS)
    ours.refuses(
        lambda: read("claims/claims.tsv", TABLES[table]),
        TABLES[table],
        "claims/claims.tsv",
        says=says,
    )


def test_responses_of_another_training_of_a_network_are_refused(trained_twice):
    stimuli = {name: RESPONSES.replace("original", name) for name in ("original", "quilt-50ms")}
    for value, run in enumerate(trained_twice):
        train(run, value)
        for name in stimuli.values():
            write_responses(run, constant(value), name)
    ours, other = trained_twice
    ours.take(other, stimuli["quilt-50ms"])

    def read(*names):
        for name in names:
            read_responses(ours.path(name))

    read(*stimuli.values())
    ours.refuses(
        lambda: read(*stimuli.values()),
        stimuli["quilt-50ms"],
        stimuli["original"],
        says="holds the responses of another network natural/seed-1 than",
    )
    write_responses(ours, constant(0))
    ours.take(other, RESPONSES)
    ours.refuses(
        lambda: (read_tensors(ours.path(WEIGHTS)), read(RESPONSES)),
        RESPONSES,
        WEIGHTS,
        says="holds the responses of another network natural/seed-1 than",
    )


def test_responses_of_a_network_do_not_depend_on_what_else_the_job_reads(runs):
    ours, _ = runs
    second = WEIGHTS.replace("seed-1", "seed-2")
    train(ours, 1)
    write_tensors(ours.path(second), {"a": torch.zeros(2)}, {})
    with ours.job():
        read_tensors(ours.path(WEIGHTS))
        write_responses(ours, constant(1))
    alone = ours.path(RESPONSES).read_bytes()
    with ours.job():
        read_tensors(ours.path(WEIGHTS))
        read_tensors(ours.path(second))
        write_responses(ours, constant(1))
        write_a_table(ours.path(TABLES["segregation"]), 1)
    assert ours.path(RESPONSES).read_bytes() == alone
    said = checksum_path(ours.path(TABLES["segregation"])).read_text()
    assert "# network natural/seed-1 " in said and "# network natural/seed-2 " in said


def test_units_of_another_training_do_not_choose_units(trained_twice, tmp_path):
    train_split = RESPONSES.replace("test", "train")
    for value, run in enumerate(trained_twice):
        made = corpus(tmp_path / f"corpus-{value}", seed=value)
        made.folder.mkdir()
        made.write()
        train(run, value)
        for name, split in ((train_split, "train"), (RESPONSES, "test")):
            write_responses(run, made.responses[split], name, made.of_split(split)["clip_id"])
        with run.job():
            selectivity_units(
                run.path(train_split),
                run.path(RESPONSES),
                made.path("clips.tsv"),
                run.path(TABLES["units"]),
                acoustics=made.acoustics(),
                fraction=0.2,
                permutations=10,
                seed=1,
                condition="natural",
                replicate=1,
            )
    ours, other = trained_twice

    def select():
        selective_responses(
            ours.path(TABLES["units"]),
            ours.path(train_split),
            ours.path(RESPONSES),
            made.path("clips.tsv"),
            made.path("classes.tsv"),
            ours.path("selectivity/music/natural/seed-1/clip_responses.tsv"),
            ours.path("selectivity/music/natural/seed-1/class_responses.tsv"),
            layer="avgpool",
        )

    with ours.job():
        select()
    ours.take(other, TABLES["units"])
    says = "holds the table of another network natural/seed-1 than"
    ours.refuses(select, TABLES["units"], train_split, says=says)


def test_snapshots_are_another_network_than_the_trained_one(runs):
    ours, _ = runs
    snapshots = WEIGHTS.replace("weights", "snapshots")
    train(ours, 1)
    write_tensors(ours.path(snapshots), {"a": torch.zeros(2)}, {})
    with ours.job():
        read_tensors(ours.path(WEIGHTS))
        read_tensors(ours.path(snapshots), "snapshots")


def test_results_of_earlier_versions_say_nothing_and_are_read(runs):
    ours, _ = runs
    write_a_table(ours.path(TABLES["units"]), 1)
    train(ours, 1)
    with ours.job():
        generator(1, "something")
        assert read_table(ours.path(TABLES["units"]), COLUMNS)["x"].tolist() == [1]
        read_tensors(ours.path(WEIGHTS))


def test_an_accepted_edit_is_read_whatever_it_followed_from(runs):
    ours, other = runs
    with other.job():
        generator(2, "something")
        write_a_table(other.path(TABLES["units"]), 1)
    ours.take(other, TABLES["units"])
    checksum_path(ours.path(TABLES["units"])).unlink()
    with ours.job():
        assert read_table(ours.path(TABLES["units"]), COLUMNS)["x"].tolist() == [1]


def test_a_plan_is_compared_with_later_runs_and_belongs_to_none(runs):
    ours, other = runs
    with other.job():
        generator(2, "something")
        write_a_table(other.path("plan/plan.json"), 1)
    ours.take(other, "plan/plan.json")
    with ours.job():
        read_table(ours.path("plan/plan.json"), COLUMNS)


def test_a_page_over_corpora_reads_results_of_several_seeds(runs, tmp_path):
    for run, seed in zip(runs, (1, 2), strict=True):
        with run.job():
            generator(seed, "something")
            write_a_table(run.path("claims/claims.tsv"), 1)
    with job(str(tmp_path / "corpora.log")):
        for run in runs:
            read_table(run.path("claims/claims.tsv"), COLUMNS)


@pytest.mark.parametrize("harm", [("seed 2", "sneed 2"), ("# seed 2\n", "seed 2\n")])
def test_a_damaged_origin_is_refused(runs, capsys, harm):
    _, run = runs
    with run.job():
        generator(2, "something")
        write_a_table(run.path(TABLES["units"]), 1)
    beside = checksum_path(run.path(TABLES["units"]))
    beside.write_text(beside.read_text().replace(*harm))
    with pytest.raises(SystemExit), run.job():
        read_table(run.path(TABLES["units"]), COLUMNS)
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{run.path(TABLES['units'])}: damaged table" in line


def test_a_shard_of_sound_of_another_master_seed_is_refused(tmp_path):
    shard = "results/smoke/audio/test/00000.h5"
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
        ended = snakemake(tmp_path / str(seed), shard, *preset("smoke"), "--config", f"seed={seed}")
        assert ended.returncode == 0, ended.stderr
    shutil.copy(tmp_path / "2" / shard, tmp_path / "1" / shard)
    spectrograms = "results/smoke/spectrograms/original/test/00000.h5"
    ended = snakemake(tmp_path / "1", spectrograms, *preset("smoke"), "--config", "seed=1")
    assert ended.returncode == 1
    says = f"error: {shard}: holds the audio shard of the master seed 2, but seed is 1 in the"
    assert says in ended.stdout + ended.stderr
    (tmp_path / "1" / shard).unlink()
    ended = snakemake(tmp_path / "1", spectrograms, *preset("smoke"), "--config", "seed=1")
    assert ended.returncode == 0, ended.stderr
