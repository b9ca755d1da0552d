"""The jobs of the DAG, by dry runs: each preset, each target, each wrong configuration."""

import os
import re

import pytest
import yaml

from reruns.plans import answers, plans
from workflow.audioset_files import write_audioset
from workflow.snake import ROOT, planned, preset, snakemake, written

FIGURES = {
    "plot_yields",
    "plot_example_spectrograms",
    "plot_preferred_stimuli",
    "plot_learning_curves",
    "plot_average_precision",
    "plot_selective_responses",
    "plot_class_responses",
    "plot_selectivity_index",
    "plot_quilts",
    "plot_quilts_genres",
    "plot_quilts_relative",
    "plot_quilts_targets",
    "plot_levels",
    "plot_selectivity_by_layer",
    "plot_genres",
    "plot_embedding",
}
NETWORK_RULES = ("train_network", "score_recognition")
# These also run once for each further target and network of the condition of the claims.
TARGET_RULES = ("selectivity_units", "selective_responses")


def write_manifest(folder):
    labels = ["Rock", "Speech", "Rain", "Speech;Rain"]
    rows = [f"clip{k}.wav\t{labels[k % 4]}" for k in range(40)]
    (folder / "manifest.tsv").write_text("path\tlabels\n" + "\n".join(rows) + "\n")


def test_the_default_dag(tmp_path):
    jobs = planned(tmp_path)
    assert all(jobs[name] == 15 for name in NETWORK_RULES)
    # Five seeds of three trained conditions, and two fixed models.
    assert jobs["fit_model"] == 2 and jobs["compute_responses"] == 15 + 2
    assert all(jobs[name] == 15 + 2 + 2 * 5 for name in TARGET_RULES)
    assert jobs["decode_audio"] == 2
    assert jobs["make_corpus"] == jobs["summarise_yield"] == jobs["check_audio"] == 1
    # Six quilts, the intact clips and three levels, made from test clips only.
    assert jobs["compute_spectrograms"] == 2
    assert jobs["compute_quilt_spectrograms"] == jobs["compute_level_spectrograms"] == 1
    assert jobs["index_spectrograms"] == 2 + 10
    assert jobs["compute_stimulus_responses"] == 3 * 5 + 2
    assert jobs["quilt_responses"] == 5 + 2
    assert jobs["level_responses"] == 5
    assert jobs["assign_roles"] == 2
    assert jobs["find_preferred"] == jobs["write_tables"] == jobs["describe_run"] == 1
    assert set(jobs) >= FIGURES


def test_a_dry_run_says_in_words_what_is_to_come(tmp_path):
    place = tmp_path / "results/embedded/benchmarks/train_network"
    place.mkdir(parents=True)
    (place / "natural-1.tsv").write_text("s\n7200.0\n")
    ended = snakemake(tmp_path, "--dry-run")
    told = dict(re.findall(r"^(jobs|time|disk|network) +(.*)$", ended.stdout, re.M))
    assert re.match(r"\d{3}: \d+ selectivity, .*\b17 training\b", told["jobs"])
    # Fifteen networks of two hours on two cores.
    assert told["time"].startswith("about 15 hours on 2 cores (15 of them as measured here")
    assert re.fullmatch(r"about \d+ MB; .* are free", told["disk"])
    assert told["network"] == "nothing is downloaded"
    quiet = snakemake(tmp_path, "--dry-run", "--quiet")
    assert "network" not in quiet.stdout


def test_without_levels_nothing_is_made_of_them(tmp_path):
    played = {"stimuli": {"played": ["intact", "quilt-50ms", "quilt-100ms"]}}
    jobs = planned(tmp_path, "--configfile", written(tmp_path / "no_levels.yaml", played))
    assert not jobs.keys() & {"compute_level_spectrograms", "level_responses", "plot_levels"}
    assert jobs["compute_quilt_spectrograms"] == 1 and jobs["index_spectrograms"] == 2 + 3


def test_an_input_of_a_condition_is_made_of_every_stimulus(tmp_path):
    inputs = {kept: {"kind": "waveform", "sample_rate": 16_000} for kept in ("heard", "not-heard")}
    condition = {"model": "toys.wave_bands:WaveBands", "input": "heard"}
    setting = written(
        tmp_path / "inputs.yaml", {"inputs": inputs, "conditions": {"waves": condition}}
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT / "tests"), prepend=os.pathsep)
        jobs = planned(tmp_path, "--configfile", setting)
    assert jobs["compute_spectrograms"] == 2 * 2
    assert jobs["compute_quilt_spectrograms"] == jobs["compute_level_spectrograms"] == 2
    assert jobs["compute_probe_spectrograms"] == 2
    assert jobs["index_spectrograms"] == 2 * (2 + 10)
    assert jobs["compute_acoustics"] == 2


def test_quilts_of_train_clips_on_request(tmp_path):
    setting = written(tmp_path / "both.yaml", {"stimuli": {"splits": ["train", "test"]}})
    jobs = planned(tmp_path, "--configfile", setting)
    # Levels are of test clips alone.
    assert jobs["compute_quilt_spectrograms"] == 2 and jobs["compute_level_spectrograms"] == 1
    assert jobs["index_spectrograms"] == 2 + 2 * 7 + 3
    assert jobs["compute_stimulus_responses"] == 3 * 5 + 2


def test_the_smoke_preset_has_every_condition(tmp_path):
    jobs = planned(tmp_path, *preset("smoke"))
    assert all(jobs[name] == 10 for name in NETWORK_RULES)
    assert all(jobs[name] == 10 + 2 + 2 for name in TARGET_RULES)


def test_the_audioset_preset(tmp_path):
    # At least the 42,531 clips of the balanced and the eval set.
    write_audioset(tmp_path, clips_per_split=21_300, audio=False)
    one_target = written(tmp_path / "one_target.yaml", {"targets": []})
    jobs = planned(tmp_path, *preset("audioset-local"), one_target)
    assert jobs["decode_audio"] == 2 * 42
    assert jobs["train_network"] == 6 * 10
    assert jobs["compute_spectrograms"] == 2 * 42
    assert jobs["compute_quilt_spectrograms"] == jobs["compute_level_spectrograms"] == 42
    # The study's seven levels too.
    assert jobs["index_spectrograms"] == 2 + 7 + 7
    assert sum(jobs.values()) < 1500


def withholding(*branches):
    """The section `conditions` in which every condition withholds `branches`."""
    return {name: {"withhold": list(branches)} for name in ("natural", "shuffled", "untrained")}


def test_the_manifest_preset(tmp_path):
    write_manifest(tmp_path)
    jobs = planned(
        tmp_path,
        *preset("manifest"),
        written(
            tmp_path / "rock.yaml",
            {"corpus": {"target": "Rock"}, "conditions": withholding("Rock")},
        ),
    )
    assert jobs["decode_audio"] == 2
    assert jobs["train_network"] == 4 * 10


TARGETS = [
    ("spectrograms", "index_spectrograms", "train_network"),
    ("networks", "train_network", "compute_responses"),
    ("responses", "compute_responses", "selectivity_units"),
    ("selectivity", "summarise_selectivity", "score_recognition"),
    ("recognition", "summarise_recognition", "selectivity_units"),
    ("quilts", "compute_stimulus_responses", "score_recognition"),
    ("analyses", "embed_responses", "lesion_units"),
    ("analyses", "genre_responses", "score_recognition"),
    ("claims", "assess_claims", "plot_claims"),
    ("figures", "plot_class_responses", "write_report"),
    ("report", "write_report", "all"),
]


def test_targets(tmp_path):
    questions = [(tmp_path, [*preset("smoke"), "--", target], ROOT) for target, *_ in TARGETS]
    for (target, has, lacks), jobs in zip(TARGETS, plans(questions), strict=True):
        rules = {job.rule for job in jobs}
        assert has in rules and lacks not in rules, target


def test_a_single_file_is_a_target(tmp_path):
    jobs = planned(
        tmp_path, *preset("smoke"), "--", "results/smoke/networks/natural/seed-2/history.tsv"
    )
    assert jobs["train_network"] == 1 and not jobs["compute_responses"]


WRONG = [
    ({"corpus": {"target": "Musik"}}, "corpus.target"),
    ({"conditions": withholding("Musik")}, "conditions.natural.withhold: 'Musik' is neither"),
    ({"corpus": {"withheld": ["Music"]}}, "corpus.withheld is now a list for each condition"),
    ({"corpus": {"clip_second": 4}}, "unknown key corpus.clip_second; did you mean"),
    ({"networks": {"seeds": 0}}, "networks.seeds must be"),
    ({"networks": {"seeds": "many"}}, "networks.seeds must be"),
    (
        {"selectivity": {"layer": "conv7"}},
        "is conv7, a layer that no model has (kim2024: conv1",
    ),
    ({"conditions": {"x": {"epochs": 1}}}, "conditions.x"),
    ({"corpus": {"source": "manifest"}}, "corpus.manifest.path must be a path"),
    (
        {"corpus": {"source": "manifest", "manifest": {"path": "none.tsv"}}},
        "corpus.manifest.path is 'none.tsv'",
    ),
    ({"corpus": {"clip_seconds": 1}}, "corpus.clip_seconds"),
]


def test_a_wrong_configuration_is_one_clear_line(tmp_path):
    questions = []
    for place, (configuration, _) in enumerate(WRONG):
        path = written(tmp_path / f"{place}.yaml", configuration)
        questions.append((tmp_path, ["--dry-run", "--configfile", path], ROOT))
    for (_, says), (status, said) in zip(WRONG, answers(questions), strict=True):
        assert status != 0
        assert sum(says in line for line in said.splitlines()) == 1, said
        assert "Traceback" not in said
    assert not (tmp_path / "results").exists()


def test_a_condition_that_withholds_everything_is_refused(tmp_path):
    branches = ["Music", "Human sounds", "Animal", "Natural sounds", "Sounds of things"]
    ended = snakemake(
        tmp_path,
        "--dry-run",
        "--configfile",
        written(tmp_path / "wrong.yaml", {"conditions": withholding(*branches)}),
    )
    assert ended.returncode != 0
    assert "conditions.natural.withhold covers every class" in ended.stdout + ended.stderr


def test_the_presets_name_only_known_keys():
    default = yaml.safe_load((ROOT / "config.yaml").read_text())
    for path in sorted((ROOT / "config").glob("*.yaml")):
        laid = yaml.safe_load(path.read_text())
        assert set(laid) <= set(default), path


COUNTS_TIMERS = """
import atexit, os, threading

start, started = threading.Timer.start, []


def counted(timer):
    started.append(timer)
    start(timer)


threading.Timer.start = counted
atexit.register(lambda: open(os.environ["TIMERS"], "a").write(f"{len(started)} "))
"""


@pytest.mark.parametrize(("limit", "is_kept"), [(None, False), ("5/1s", True)])
def test_only_a_limit_that_can_be_reached_has_snakemake_look_again(
    tmp_path, monkeypatch, limit, is_kept
):
    (tmp_path / "sitecustomize.py").write_text(COUNTS_TIMERS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("TIMERS", str(tmp_path / "timers"))
    given = ["--max-jobs-per-timespan", limit] if limit else []
    ended = snakemake(tmp_path, "results/embedded/corpus/clips.tsv", *given)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    # The last process to end is Snakemake, after its jobs.
    counts = (tmp_path / "timers").read_text().split()
    assert (int(counts[-1]) > 0) == is_kept
