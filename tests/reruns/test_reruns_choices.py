"""The exact sets of jobs for additions, another corpus, and Snakemake's options."""

import itertools

import pytest

from reruns.checkouts import checkout
from reruns.corpora import Finished
from reruns.plans import plan, recorded, stand_in
from reruns.tables import OF_FURTHER_TARGETS, PLOTS, label, row_of, with_followers

CONDITIONS = ["natural", "shuffled", "untrained"]
STIMULI = ["intact", "quilt-50ms", "quilt-400ms", "level-0db", "level-6db"]
OF_A_NETWORK = [
    "train_network",
    "selectivity_units",
    "selective_responses",
    "score_recognition",
    "compute_stimulus_responses",
    "decode_target",
    "embed_responses",
    "lesion_units",
]
# Each job of these rules is for one target.
OF_A_TARGET = {
    "selectivity_units",
    "selective_responses",
    "summarise_selectivity",
    "quilt_responses",
    "compare_quilts",
    "level_responses",
    "decode_target",
    "embed_responses",
    "genre_responses",
    "measure_emergence",
    "lesion_units",
}
LOG_MEL = {"spectrograms": ["spectrograms"]}
SUMMARIES = ["summarise_selectivity", "summarise_recognition", "compare_quilts", "write_tables"]
# The conditions whose networks are asked about sets of classes: the claimed one, and controls.
OF_CLASSES = ["natural", "untrained"]
PLAYED_FIGURES = ["plot_quilts", "plot_quilts_genres", "plot_quilts_relative", "plot_levels"]
CONCLUSIONS = ["assess_claims", "plot_claims", "write_report", "describe_run"]
# Figures of the first condition, of that of the claims or of those with snapshots: all natural.
OF_ONE_CONDITION = {
    "plot_class_responses",
    "plot_decoding_genres",
    "plot_emergence",
    "plot_lesion_classes",
    "plot_preferred_stimuli",
    "plot_quilts_genres",
}
# All figures but those that show no network.
OF_NETWORKS = set(PLOTS) - {"plot_yields", "plot_example_spectrograms"} - OF_FURTHER_TARGETS


def jobs(rule, **wildcards):
    """Return (rule, wildcards) of every combination of `wildcards`, as Snakemake shows them."""
    if rule in OF_A_TARGET:
        wildcards = {"target": ["music"]} | wildcards
    choices = [[f"{name}={value}" for value in values] for name, values in wildcards.items()]
    return {(rule, ", ".join(chosen)) for chosen in itertools.product(*choices)}


def single(*rules):
    return set().union(*(jobs(rule) for rule in rules))


def shown(planned):
    return {(job.rule, job.wildcards) for job in planned}


def with_setting(finished, name, setting, *more):
    return finished.plan(*finished.changed(name, setting)[2:], *more)


def of_networks(conditions, seeds):
    """The jobs of one network each."""
    found = set()
    for rule in OF_A_NETWORK:
        found |= jobs(rule, condition=conditions, seed=seeds)
    return found | jobs(
        "compute_responses", condition=conditions, seed=seeds, stimulus=["original"]
    )


def of_conditions(conditions):
    """The jobs of all seeds of one condition each."""
    found = set()
    for rule in (
        "quilt_responses",
        "level_responses",
        "genre_responses",
    ):
        found |= jobs(rule, condition=conditions)
    found |= jobs("compute_probe_responses", condition=conditions, probe=["embedded"])
    return found | jobs("profile_probe", target=["music"], probe=["embedded"], condition=conditions)


def test_one_more_seed(finished):
    planned = with_setting(finished, "seeds", {"networks": {"seeds": 3}})
    assert shown(planned) == (
        of_networks(CONDITIONS, [3])
        | of_conditions(CONDITIONS)
        | jobs("compute_snapshot_responses", condition=["natural"], seed=[3])
        | jobs("measure_emergence", condition=["natural"], seed=[3])
        | jobs("measure_specificity", target=["music"], condition=OF_CLASSES, seed=[3])
        | jobs("summarise_specificity", target=["music"], condition=OF_CLASSES)
        | single(*SUMMARIES, *OF_NETWORKS, "cut_excerpts", "explore_units", *CONCLUSIONS)
        # Stimuli are sought for the first network alone.
    ) - single("plot_preferred_stimuli")


def test_one_seed_less_trains_nothing(finished):
    planned = with_setting(finished, "fewer", {"networks": {"seeds": 1}})
    assert not {job.rule for job in planned} & {*OF_A_NETWORK, "compute_responses"}


def test_one_more_condition(finished):
    setting = {"conditions": {"full": {"withhold": [], "labels": "given", "epochs": 1}}}
    planned = with_setting(finished, "condition", setting)
    plots = OF_NETWORKS - OF_ONE_CONDITION
    assert shown(planned) == (
        of_networks(["full"], [1, 2])
        | of_conditions(["full"])
        | single("summarise_conditions", *SUMMARIES, *plots, "explore_units", *CONCLUSIONS)
    ) - single("plot_specificity")


def test_one_condition_less_computes_nothing(finished):
    planned = with_setting(finished, "less", {"conditions": {"untrained": None}})
    plots = OF_NETWORKS - OF_ONE_CONDITION
    assert shown(planned) == single(
        "summarise_conditions", *SUMMARIES, *plots, "explore_units", *CONCLUSIONS
    )


def test_one_more_stimulus(finished):
    setting = {"stimuli": {"played": [*STIMULI, "quilt-100ms"]}}
    planned = with_setting(finished, "stimulus", setting)
    shards = {
        job.wildcards.rpartition("=")[2]
        for job in finished.plan("-R", "compute_quilt_spectrograms")
        if job.rule == "compute_quilt_spectrograms"
    }
    assert len(shards) > 1
    cut = ["intact", "quilt-50ms", "quilt-100ms", "quilt-400ms"]
    assert shown(planned) == (
        # One job of a shard makes all quilts, and what they are compared with.
        jobs("compute_quilt_spectrograms", **LOG_MEL, split=["test"], shard=shards)
        | jobs("index_spectrograms", **LOG_MEL, stimulus=cut, split=["test"])
        | jobs("compute_stimulus_responses", condition=CONDITIONS, seed=[1, 2])
        | jobs("quilt_responses", condition=CONDITIONS)
        # All stimuli are played by the same job.
        | jobs("level_responses", condition=CONDITIONS)
        | single("compare_quilts", "cut_excerpts", "explore_units", *PLAYED_FIGURES, *CONCLUSIONS)
    )


def test_an_input_of_one_condition(finished, tmp_path):
    def setting(**more):
        inputs = {"fine": {"kind": "log_mel", "hop_length": 137, **more}}
        return {"inputs": inputs, "conditions": {"natural": {"input": "fine"}}}

    def of_input(planned):
        """The rules of jobs that make an input; each must make this one."""
        made = {job for job in planned if "spectrograms=" in job.wildcards}
        assert all("spectrograms=spectrograms-fine" in job.wildcards for job in made)
        return {job.rule for job in made}

    spectrograms = {*row_of("inputs.*").first, "index_spectrograms"}
    planned = with_setting(finished, "input", setting())
    assert of_input(planned) == spectrograms
    of_condition = {job.wildcards for job in planned if "condition=" in job.wildcards}
    assert all("condition=natural" in wildcards for wildcards in of_condition)
    # What a network of another input prefers is not asked.
    followers = with_followers(["train_network"]) - {"find_preferred", "plot_preferred_stimuli"}
    assert {job.rule for job in planned} == followers | spectrograms

    # A change of the input, and another name for the default.
    base = finished.copy(tmp_path / "copy")
    arguments = base.changed("input", setting())
    stand_in(base.folder, *arguments)
    assert plan(base.folder, *arguments) == set()
    changed = [*arguments, base.changed("other", setting(f_max=9_000))[-1]]
    assert shown(plan(base.folder, *changed)) == shown(planned)
    named = with_setting(finished, "named", {"conditions": {"natural": {"input": "log_mel"}}})
    assert {job.rule for job in named} == with_followers(["write_report"])


def test_one_more_lesion_fraction(finished):
    planned = with_setting(finished, "fraction", {"lesions": {"fractions": [0.125, 0.25, 0.5]}})
    figures = ["plot_lesions", "plot_lesion_dose", "plot_lesion_classes"]
    assert shown(planned) == jobs("lesion_units", condition=CONDITIONS, seed=[1, 2]) | single(
        *figures, *CONCLUSIONS
    )


def test_one_more_target(finished):
    planned = with_setting(finished, "target", {"targets": ["Vehicle"]})
    vehicle = {"target": ["vehicle"]}
    per_network = {**vehicle, "condition": ["natural"], "seed": [1, 2]}
    assert shown(planned) == (
        jobs("assign_roles", **vehicle)
        | jobs("selectivity_units", **per_network)
        | jobs("selective_responses", **per_network)
        | jobs("summarise_selectivity", **vehicle)
        | jobs("quilt_responses", **vehicle, condition=["natural"])
        | jobs("profile_probe", **vehicle, probe=["embedded"], condition=["natural"])
        | single("plot_targets", "plot_quilts_targets", "write_tables", *CONCLUSIONS)
    )


def test_a_second_corpus_leaves_the_first_alone(finished, tmp_path):
    both = finished.copy(tmp_path / "both")
    first = {
        path: path.stat().st_mtime_ns
        for path in (both.folder / "results/smoke").rglob("*")
        if path.is_file()
    }
    arguments = both.changed("second", {"corpus": {"name": "second"}})
    everything = both.plan("--forceall")
    planned = plan(both.folder, *arguments)
    assert {job.log for job in planned} == {
        job.log.replace("results/smoke/", "results/second/") for job in everything
    }
    stand_in(both.folder, *arguments)
    assert both.plan() == set() == plan(both.folder, *arguments)
    changed = [*arguments, both.changed("units", {"decoding": {"units": 64}})[-1]]
    assert all(job.log.startswith("results/second/") for job in plan(both.folder, *changed))
    assert {path: path.stat().st_mtime_ns for path in first} == first


def test_force_one_file(finished):
    planned = finished.plan("-R", "results/smoke/lesions/music/shuffled/seed-2/lesions.tsv")
    assert shown(planned) == jobs("lesion_units", condition=["shuffled"], seed=[2]) | single(
        "plot_lesions", "plot_lesion_dose", "write_report", "describe_run"
    )
    planned = finished.plan("-R", "results/smoke/networks/shuffled/seed-2/weights.safetensors")
    assert shown(planned) == (
        of_networks(["shuffled"], [2])
        | of_conditions(["shuffled"])
        | single(*SUMMARIES, *OF_NETWORKS, "explore_units", *CONCLUSIONS)
    ) - single(*OF_ONE_CONDITION, "plot_specificity")


def test_force_lesion_units(finished):
    lesions = jobs("lesion_units", condition=CONDITIONS, seed=[1, 2])
    figures = single("plot_lesions", "plot_lesion_dose", "plot_lesion_classes")
    for option in ("-R", "--forcerun"):
        assert shown(finished.plan(option, "lesion_units")) == lesions | figures | single(
            *CONCLUSIONS
        )
    assert shown(finished.plan("-R", "lesion_units", "--until", "lesion_units")) == lesions
    assert shown(finished.plan("-R", "lesion_units", "--omit-from", "assess_claims")) == (
        lesions | figures
    )
    assert shown(finished.plan("-R", "lesion_units", "--", "lesions")) == lesions


def test_until_and_omit_from_in_an_empty_folder(finished, tmp_path):
    everything = finished.plan("--forceall")
    empty = Finished(tmp_path, finished.arguments)
    assert empty.plan() == everything
    until = empty.plan("--until", "train_network")
    assert {label(job) for job in until} == {
        "make_corpus",
        "decode_audio",
        "compute_spectrograms",
        "index_spectrograms",
        "train_network",
    }
    assert len([job for job in until if job.rule == "train_network"]) == 6
    # Nothing of the test split is needed for that.
    assert not [job for job in until if "test" in job.wildcards]
    omitted = empty.plan("--omit-from", "compute_stimulus_responses")
    gone = with_followers(["compute_stimulus_responses"])
    assert {label(job) for job in omitted} == {label(job) for job in everything} - gone


def test_single_files_and_what_is_missing_for_them(finished, tmp_path):
    weights = "results/smoke/networks/natural/seed-2/weights.safetensors"
    assert finished.plan("--", weights) == set()
    copy = finished.copy(tmp_path / "copy")
    (copy.folder / weights).unlink()
    assert shown(copy.plan("--", weights)) == jobs("train_network", condition=["natural"], seed=[2])
    # An existing file is enough, whatever it was made from.
    table = "results/smoke/recognition/natural/seed-2/average_precision.tsv"
    assert copy.plan("--", table) == set()
    for gone in (table, "results/smoke/responses/natural/seed-2/original/test.h5"):
        (copy.folder / gone).unlink()
    assert shown(copy.plan("--", table)) == (
        jobs("train_network", condition=["natural"], seed=[2])
        | jobs("compute_responses", condition=["natural"], seed=[2], stimulus=["original"])
        | jobs("score_recognition", condition=["natural"], seed=[2])
    )
    made_from = shown(finished.plan("-F", "--", "results/smoke/figures/lesion_classes.png"))
    assert single("plot_lesion_classes") < made_from
    assert jobs("lesion_units", condition=["natural"], seed=[1, 2]) < made_from
    assert not [job for job in made_from if "shuffled" in job[1] or "quilt" in job[1]]


def test_what_to_do_after_a_change_that_changes_no_result(finished, tmp_path):
    root = checkout(tmp_path / "edited")
    with open(
        root / "workflow_scripts/music_detectors/figures/quilts.py", "a", encoding="utf-8"
    ) as module:
        module.write("# A comment.\n")
    due = single("plot_quilts", "write_report", "describe_run")
    assert shown(finished.plan(root=root)) == due
    # Once.
    assert finished.plan("--rerun-triggers", "mtime", root=root) == set()
    assert shown(finished.plan(root=root)) == due
    # For two files only; Snakemake then knows only their times.
    forgotten = finished.copy(tmp_path / "forgotten")
    figures = [f"results/smoke/figures/quilts.{ending}" for ending in ("svg", "png")]
    forgotten.run("--cleanup-metadata", *figures, root=root)
    assert forgotten.plan(root=root) == set()
    assert not set(figures) & set(recorded(forgotten.folder))
    # For good.
    touched = finished.copy(tmp_path / "touched")
    files = [path for path in (touched.folder / "results").rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    touched.run("--touch", root=root)
    assert touched.plan(root=root) == set()
    assert shown(touched.plan()) == due
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("option", ["--summary", "--detailed-summary"])
def test_the_summary_shows_the_state_of_every_file(finished, tmp_path, option):
    copy = finished.copy(tmp_path / "copy")
    table = "results/smoke/decoding/music/natural/seed-1/decoding.tsv"
    (copy.folder / table).unlink()
    rows = [line.split("\t") for line in copy.run(option).splitlines() if "\t" in line]
    plans = {row[0]: row[-1] for row in rows[1:]}
    assert set(plans) == set(recorded(copy.folder))
    assert plans[table] == "update pending"
    assert plans["results/smoke/decoding/music/natural/seed-2/decoding.tsv"] == "no update"


def test_quiet_dry_runs_count_the_jobs(finished):
    said = finished.run("-n", "--quiet", "rules", "-R", "lesion_units")
    assert "lesion_units" in said and "output:" not in said
    said = finished.run("-n", "-R", "lesion_units")
    assert "reason: Forced execution" in said
    assert "reason: Input files updated by another job" in said
