"""Every key of the configuration: its row of KEYS against what Snakemake plans."""

import sys

import pytest
import yaml

from reruns import corpora
from reruns.plans import plans
from reruns.tables import KEYS, label, row_of, with_followers
from workflow.snake import ROOT

SHOWN = "write_report"
OF_THE_FIRST_CONDITION = {
    "plot_class_responses",
    "plot_decoding_genres",
    "plot_lesion_classes",
    "plot_quilts_genres",
}
# Of the condition that the claims are about.
OF_CLAIMED = {"cut_excerpts", "find_preferred", "plot_preferred_stimuli"}
# Of the conditions that claims compare, but not of the shuffled one.
OF_COMPARED = {"measure_specificity", "summarise_specificity", "plot_specificity"}
# In the smoke run, the first condition alone has snapshots.
OF_SNAPSHOTS = {"compute_snapshot_responses", "measure_emergence", "plot_emergence"}
PYTHON = sys.executable

# A new value for each key, or one of its section, by the source of the corpus it is tested with.
CHANGES = {
    "embedded": {
        "seed": 8,
        "corpora": ["embedded"],
        "downloads.fsd50k": "elsewhere",
        "downloads.mirror.name": "tar",
        "corpus.target": "Animal",
        "corpus.clip_seconds": 2.5,
        "corpus.shard_clips": 32,
        "corpus.embedded.clips_per_class.train": 4,
        "audio.ffmpeg": PYTHON,
        "audio.silence_db": -60,
        "audio.min_seconds": 0.2,
        "audio.max_bad_share": 0.5,
        "audio.min_clips.train": 2,
        "audio.retries.attempts": 5,
        "networks.seeds": 3,
        "networks.device": "cpu",
        "networks.precision": "float32",
        "networks.blocks": "triton",
        "networks.per_gpu": 3,
        "networks.threads": 2,
        "networks.batch_size": 8,
        "networks.learning_rate": 0.002,
        "networks.weight_decay": 0.02,
        "networks.validation_fraction": 0.2,
        "networks.memory_mb": 7000,
        "conditions.natural.withhold": ["Music"],
        "conditions.natural.labels": "permuted",
        "conditions.natural.epochs": 3,
        "conditions.natural.snapshots": [1],
        "conditions.natural.keep": "last",
        "conditions.untrained.withhold": ["Music"],
        "responses.pooled": "clip",
        "responses.stored": "reported",
        "selectivity.layer": "conv3",
        "selectivity.fraction": 0.25,
        "selectivity.permutations": 200,
        "selectivity.bootstraps": 200,
        "stimuli.played": ["level-6db", "intact", "quilt-400ms", "quilt-50ms", "level-0db"],
        "stimuli.compared_seconds": 1.5,
        "stimuli.padded": True,
        "stimuli.splits": ["train", "test"],
        "probes.embedded.target": ["Song"],
        "probes.embedded.licence": "CC0",
        "embedding.perplexity": 5,
        "decoding.units": 64,
        "lesions.fractions": [0.125],
        "lesions.random_draws": 30,
        "claims.condition": "untrained",
        "claims.compared.controls": ["shuffled"],
        "claims.compared.features": ["shuffled"],
        "claims.compared.withheld_others": ["shuffled"],
        "claims.compared.shuffled": [],
        "claims.sounds": "clips",
        "claims.min_networks": 2,
        "claims.alpha": 0.1,
        "claims.smallest_effects.apart": 0.07,
        "report.sound": "none",
        "deposit.licence": "https://creativecommons.org/licenses/by/4.0/",
    },
    "audioset": {
        "corpus.withheld_clips": "other_filenames.xlsx",
        "corpus.ontology": "other_ontology.json",
        "corpus.audioset.classes": "other_class_labels_indices.csv",
        "corpus.audioset.train_segments": "other_balanced_train_segments.csv",
        "corpus.audioset.test_segments": "other_eval_segments.csv",
        "audio.sources": ["archives", "folder", "youtube"],
        "audio.folder": "other_folder",
        "audio.archives": ["one.tar", "two.tar"],
        "audio.download.timeout_seconds": 200,
        "audio.youtube.cookies": "a_file",
        "audio.youtube.extractor_args": ["youtube:player-client=mweb"],
    },
    "downloaded": {
        "corpus.audioset.clips.train": 19,
        "probes.natsound165.zip": "https://example.org/other.zip",
    },
    "manifest": {
        "corpus.genres": ["Rock"],
        "corpus.manifest.path": "other.tsv",
        "corpus.manifest.test_fraction": 0.4,
        "probes.mine.categories": "other.csv",
    },
    "fsd50k": {"corpus.fsd50k.folder": "moved"},
    "further_target": {"targets": []},
}
# Further settings that a value needs.
WITH = {
    "claims.condition": {
        "claims": {"condition": "untrained", "compared": {"controls": ["shuffled"]}}
    }
}
# Other tests change these: a source with all that it needs, an input, and (tests/workflow) a
# model, what a module has and was trained on, and files of responses.
APART = {
    "corpus.source",
    "conditions.natural.model",
    "conditions.natural.layers",
    "conditions.natural.weights",
    "conditions.natural.trained_on",
    "conditions.natural.input",
    "conditions.arrays.files",
    "inputs.waveform-16k.sample_rate",
}
# Conditions that config.yaml leaves out.
DROPPED = ("full", "no-speech", "no-things")
TRIED = [(source, key) for source, changes in CHANGES.items() for key in changes]


def leaves(section, prefix=""):
    for name, value in section.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def nested(key, value):
    for name in reversed(key.split(".")):
        value = {name: value}
    return value


@pytest.fixture(scope="module")
def planned():
    """What is planned for each change."""
    questions = []
    for source, key in TRIED:
        base = corpora.finished(source)
        setting = WITH.get(key) or nested(key, CHANGES[source][key])
        questions.append((base.folder, base.changed(key, setting), ROOT))
    return dict(zip(TRIED, plans(questions), strict=True))


def test_every_key_has_a_row_and_every_row_is_tried():
    keys = set(leaves(yaml.safe_load((ROOT / "config.yaml").read_text())))
    # Another name is another corpus; a condition without a value is left out.
    keys -= {"corpus.name", *(f"conditions.{name}" for name in DROPPED)}
    rows = {row_of(key) for _, key in TRIED} | {row_of(key) for key in APART}
    assert {row_of(key) for key in keys} <= rows == set(KEYS)
    # For a row with a pattern, one key stands for its section; of a row of single keys, each is
    # tested.
    single = {key for row in KEYS for key in row.keys if "*" not in key}
    assert single - {"corpus.source"} <= {key for _, key in TRIED}


@pytest.mark.parametrize(("source", "key"), TRIED)
def test_a_changed_key_runs_what_its_row_says_and_no_more(planned, source, key):
    expected = with_followers({*row_of(key).first, SHOWN})
    there = corpora.finished(source).rules()
    expected = {name for name in expected if name.split()[0] in there}
    if key == "networks.seeds":
        # Stimuli are sought for the first network alone.
        expected -= {"find_preferred", "plot_preferred_stimuli"}
    if key.startswith("conditions.untrained."):
        expected -= OF_THE_FIRST_CONDITION | OF_SNAPSHOTS | OF_CLAIMED
    assert {label(job) for job in planned[source, key]} == expected


@pytest.mark.parametrize("part", ["labels", "epochs", "keep"])
def test_a_changed_condition_leaves_the_others(planned, part):
    jobs = planned["embedded", f"conditions.natural.{part}"]
    concerned = {job.wildcards for job in jobs if "condition=" in job.wildcards}
    assert concerned and all("condition=natural" in wildcards for wildcards in concerned)


def test_what_a_condition_withholds_trains_only_its_networks(planned):
    for condition in ("natural", "untrained"):
        jobs = planned["embedded", f"conditions.{condition}.withhold"]
        trained = {job.wildcards for job in jobs if job.rule == "train_network"}
        assert trained and all(f"condition={condition}" in wildcards for wildcards in trained)
        assert not {job.rule for job in jobs} & {"make_corpus", "decode_audio"}


def test_two_figures_show_the_first_condition_only(finished):
    setting = {"conditions": {"shuffled": {"epochs": 2}}}
    jobs = finished.plan(*finished.changed("second", setting)[2:])
    expected = with_followers(["train_network"]) - OF_THE_FIRST_CONDITION - OF_SNAPSHOTS
    assert {label(job) for job in jobs} == expected - OF_COMPARED - OF_CLAIMED


def test_keys_of_other_sources_change_the_report_only(finished):
    setting = {
        "corpus": {
            "manifest": {"path": "x.tsv", "test_fraction": 0.4},
            "audioset": {"classes": "x.csv", "clips": {"train": 9, "test": 9}},
            "fsd50k": {"folder": "x"},
        },
        "audio": {"sources": ["youtube"], "folder": "x", "archives": ["x.tar"]},
    }
    jobs = finished.plan(*finished.changed("others", setting)[2:])
    assert {job.rule for job in jobs} == with_followers([SHOWN])


def test_another_source_under_the_same_name(finished, tmp_path):
    base = finished.copy(tmp_path / "smoke")
    other = corpora.finished("audioset")
    for path in other.folder.iterdir():
        if path.name != "results" and not path.name.startswith("."):
            (base.folder / path.name).symlink_to(path)
    laid = yaml.safe_load((other.folder / "mine.yaml").read_text())
    laid["corpus"]["name"] = "smoke"
    # Its ontology has no animals.
    changed = {
        "corpus": laid["corpus"],
        "audio": laid["audio"],
        "conditions": {"shuffled": {"withhold": ["Sounds of things"]}},
    }
    jobs = base.plan(*base.changed("source", changed)[2:])
    there = finished.rules() | other.rules()
    followers = with_followers(row_of("corpus.source").first)
    expected = {name for name in followers if name.split()[0] in there}
    assert {label(job) for job in jobs} == expected | {"index_archives"}


def test_one_run_takes_changed_limits_and_other_keys(finished):
    setting = {
        "audio": {"max_bad_share": 0.5, "min_clips": {"train": 2}},
        "networks": {"learning_rate": 0.002},
        "embedding": {"perplexity": 5},
    }
    jobs = finished.plan(*finished.changed("both", setting)[2:])
    expected = with_followers(["check_audio", "train_network", "embed_responses"])
    assert {label(job) for job in jobs} == expected
