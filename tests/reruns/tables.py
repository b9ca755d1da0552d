"""What runs again, and when: what the tests expect, and what the tables of docs/reruns.md show."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import NamedTuple

from music_detectors.configuration.code import modules_of
from reruns import corpora
from reruns.plans import Job, recorded
from support import figure_modules
from workflow.snake import ROOT

SCRIPTS = ROOT / "workflow_scripts"
PACKAGE = SCRIPTS / "music_detectors"
STIMULI = PACKAGE / "stimuli"
PLAYED = " (played)"
"""Marks rules whose jobs for played stimuli have a row of their own."""
OF_STIMULI = ("index_spectrograms",)
# The digest of each rule is of its script; figures share one and add their own module, and so do
# the spectrograms of stimuli and the rules that read the source of a corpus.
# These rules run only when they are asked for.
ASKED_FOR = {"plan", "corpora", "fetch_fsd50k", "fetch_mirror"}
CODE = {
    path.stem: [path]
    for path in SCRIPTS.glob("*.py")
    if path.stem != "plot_figure" and path.stem not in ASKED_FOR
} | {f"plot_{path.stem}": [SCRIPTS / "plot_figure.py", path] for path in figure_modules.DRAWN}
CODE |= {name + PLAYED: [*CODE[name]] for name in OF_STIMULI}
# One script makes the spectrograms of all stimuli, in jobs of several rules.
for _rule, _stimuli in (
    ("compute_quilt_spectrograms", ("intact", "quilt")),
    ("compute_level_spectrograms", ("level",)),
):
    CODE[_rule] = [*CODE["compute_spectrograms"], *(STIMULI / f"{name}.py" for name in _stimuli)]
CODE["compute_spectrograms"] += [STIMULI / "original.py"]
# Each job has the file of its own kind of input, and none for the study's.
OF_INPUTS = (
    "compute_spectrograms",
    "compute_quilt_spectrograms",
    "compute_level_spectrograms",
    "compute_probe_spectrograms",
)
for _rule in OF_INPUTS:
    CODE[_rule] += sorted((PACKAGE / "inputs").glob("[!_]*.py"))
CODE["import_probe_responses"] = [*CODE["import_stimulus_responses"]]
for _rule in ("fetch_metadata", "make_corpus", "assign_roles", "cut_excerpts", "explore_units"):
    CODE[_rule] += sorted((PACKAGE / "corpus" / "sources").glob("[!_]*.py"))
CODE["cut_excerpts"] += [STIMULI / "intact.py", STIMULI / "level.py", STIMULI / "quilt.py"]
CODE["read_probe"] += sorted((PACKAGE / "probes" / "sets").glob("[!_]*.py"))
# No script imports a model: it is loaded by the name that the configuration gives.
OF_MODELS = (
    "train_network",
    "compute_responses",
    "compute_snapshot_responses",
    "compute_stimulus_responses",
    "compute_probe_responses",
    "find_preferred",
    "lesion_units",
)
for _rule in OF_MODELS:
    CODE[_rule] += [PACKAGE / "models" / "kim2024" / "__init__.py"]
RULES = sorted(set(CODE) - {name + PLAYED for name in OF_STIMULI})
PLOTS = [name for name in RULES if name.startswith("plot_")]
# Rules that only some configurations have: a corpus that is downloaded, in archives or on the
# network, a fixed model, a network that is not trained, responses of another tool, a downloaded
# probe set.
OF_SOME_SOURCES = {
    "fetch_metadata",
    "index_archives",
    "fetch_audio",
    "fit_model",
    "adopt_network",
    "import_responses",
    "import_stimulus_responses",
    "import_probe_responses",
    "fetch_probe",
}
# It describes every table and figure, so it follows nearly every rule.
LAST = "describe_run"
# Rules that only configurations with further targets have.
OF_FURTHER_TARGETS = {"assign_roles", "plot_targets", "plot_quilts_targets"}


class Keys(NamedTuple):
    """Keys of the configuration (`*` stands for any part) and the rules that run first."""

    keys: tuple[str, ...]
    first: tuple[str, ...]
    note: str = ""


KEYS = [
    Keys(("corpus.target", "corpus.genres", "corpus.shard_clips"), ("make_corpus",)),
    Keys(("seed",), ("make_corpus", "read_probe"), ", this of the set `embedded` alone"),
    Keys(
        ("corpus.source",),
        ("fetch_metadata", "make_corpus"),
        "; better give another source another name",
    ),
    Keys(("corpus.withheld_clips", "corpus.ontology"), ("fetch_metadata", "make_corpus")),
    Keys(("corpus.clip_seconds",), ("decode_audio", "read_probe")),
    Keys(("corpus.embedded.*", "corpus.manifest.*", "corpus.fsd50k.*"), ("make_corpus",)),
    Keys(
        (
            "corpus.audioset.classes",
            "corpus.audioset.train_segments",
            "corpus.audioset.test_segments",
        ),
        ("fetch_metadata", "make_corpus"),
    ),
    Keys(("corpus.audioset.clips.*",), ("make_corpus",), ", where the list is a URL"),
    Keys(
        ("targets",), ("assess_claims", "write_tables"), "; for a target that is added, see below"
    ),
    Keys(
        ("audio.sources", "audio.folder"),
        ("fetch_audio", "decode_audio"),
        "; the former where YouTube is a source: it is asked for nothing that is kept",
    ),
    Keys(("audio.silence_db", "audio.min_seconds"), ("decode_audio",)),
    Keys(("audio.ffmpeg",), ("decode_audio",), ", and `read_probe` of sets other than `embedded`"),
    Keys(("audio.archives",), ("index_archives",)),
    Keys(("audio.max_bad_share", "audio.min_clips.*"), ("check_audio",)),
    Keys(
        (
            "audio.retries.*",
            "audio.download.*",
            "audio.youtube.*",
            "networks.per_gpu",
            "networks.threads",
            "networks.memory_mb",
            "corpora",
            "downloads.*",
        ),
        ("write_report",),
    ),
    Keys(
        (
            "networks.seeds",
            "networks.device",
            "networks.precision",
            "networks.blocks",
            "networks.batch_size",
            "networks.learning_rate",
            "networks.weight_decay",
            "networks.validation_fraction",
        ),
        ("train_network",),
    ),
    Keys(
        ("conditions.*.model",),
        ("train_network",),
        ", or `fit_model` for a fixed model, `adopt_network` for one that is not trained here",
    ),
    Keys(
        (
            "conditions.*.layers",
            "conditions.*.arguments",
            "conditions.*.pooling",
            "conditions.*.unit_axis",
        ),
        ("train_network",),
        ", or `adopt_network`, of that condition",
    ),
    Keys(
        ("conditions.*.weights", "conditions.*.outputs"),
        ("adopt_network",),
        ", of that condition, if the file holds something else",
    ),
    Keys(
        ("conditions.*.files",),
        ("import_responses", "import_stimulus_responses", "import_probe_responses"),
    ),
    Keys(
        ("conditions.*.input",),
        ("train_network",),
        ", or `fit_model` for a fixed model, of that condition; before it the spectrograms of an "
        "input that is new, but not the study's again",
    ),
    Keys(("conditions.*.trained_on",), ("write_report",)),
    Keys(
        ("inputs.*",),
        OF_INPUTS,
        ", of that input, if a condition names it",
    ),
    Keys(
        (
            "conditions.*.labels",
            "conditions.*.epochs",
            "conditions.*.keep",
            "conditions.*.snapshots",
        ),
        ("train_network",),
        ", of that condition",
    ),
    Keys(
        ("conditions.*.withhold",),
        ("summarise_conditions", "train_network"),
        ", this of that condition alone; a change of the condition that the claims are about "
        "(`claims.condition`) also runs `score_recognition`, `lesion_units` and "
        "`measure_emergence` of every condition, which report withheld classes separately; one of "
        "`claims.compared.withheld_others` runs `measure_specificity` of every condition",
    ),
    Keys(
        ("responses.pooled",),
        (
            "compute_responses",
            "compute_stimulus_responses",
            "compute_probe_responses",
            "compute_snapshot_responses",
        ),
        "; and `lesion_units` of a model that is run again for every lesion",
    ),
    Keys(
        ("responses.stored",),
        ("compute_responses", "compute_stimulus_responses", "compute_probe_responses"),
        "; with `reported`, so does a change of `selectivity.layer`",
    ),
    Keys(
        ("selectivity.layer",),
        (
            "selective_responses",
            "summarise_selectivity",
            "quilt_responses",
            "level_responses",
            "decode_target",
            "embed_responses",
            "compute_snapshot_responses",
            "lesion_units",
            "profile_probe",
            "find_preferred",
            "write_tables",
            "plot_selectivity_index",
            "plot_selectivity_by_layer",
            "plot_acoustics",
            "plot_targets",
            "plot_all_units",
            "plot_response_ratio",
        ),
    ),
    Keys(("selectivity.bootstraps",), ("profile_probe",)),
    Keys(
        ("selectivity.fraction",),
        ("selectivity_units", "measure_emergence", "measure_specificity"),
        "; and `lesion_units` if another of `lesions.fractions` is now the nearest",
    ),
    Keys(
        ("selectivity.permutations",), ("selectivity_units", "embed_responses", "measure_emergence")
    ),
    Keys(
        ("stimuli.played",),
        ("quilt_responses", "cut_excerpts", "explore_units"),
        ", for another order; for a stimulus that is added or dropped, see below",
    ),
    Keys(("stimuli.compared_seconds",), ("compute_quilt_spectrograms", "cut_excerpts")),
    Keys(("stimuli.padded",), ("compute_quilt_spectrograms",)),
    Keys(("stimuli.splits",), ("compute_quilt_spectrograms",), ", of the split that is added"),
    Keys(
        ("probes.*.folder", "probes.*.categories", "probes.*.profiles"),
        ("read_probe",),
        "; for a probe set that is added, see below",
    ),
    Keys(("probes.*.zip",), ("fetch_probe",), ", or `read_probe` for a zip on disk"),
    Keys(("probes.*.target",), ("profile_probe", "explore_units")),
    Keys(("probes.*.licence", "probes.*.attribution"), ("cut_excerpts", "explore_units")),
    Keys(("embedding.perplexity",), ("embed_responses", "measure_emergence")),
    Keys(("decoding.units",), ("decode_target",)),
    Keys(("lesions.fractions", "lesions.random_draws"), ("lesion_units",)),
    Keys(
        ("claims.condition",),
        (
            "summarise_conditions",
            "measure_specificity",
            "compare_quilts",
            "find_preferred",
            "plot_all_units",
            "plot_decoding_genres",
            "plot_quilts_genres",
            "cut_excerpts",
            "explore_units",
        ),
        "; the analyses of further targets are then those of its networks",
    ),
    Keys(("claims.alpha",), ("summarise_specificity",)),
    Keys(
        ("claims.compared.controls", "claims.compared.features"),
        ("measure_specificity",),
        ", of a condition that is added",
    ),
    Keys(
        ("claims.compared.withheld_others",),
        ("summarise_conditions", "measure_specificity"),
        ", this of every condition",
    ),
    Keys(("report.*",), ("cut_excerpts", "explore_units")),
    Keys(("deposit.licence",), ("write_report",)),
    Keys(("claims.sounds",), ("assign_blocks",)),
    Keys(("claims.*",), ("assess_claims",)),
]


def label(job: Job) -> str:
    """Return the name under which the tables have `job`."""
    return labelled(job.rule, original="stimulus=original" in job.wildcards)


def labelled(rule: str, *, original: bool) -> str:
    """Return the name under which the tables have jobs of `rule` for the stimulus `original`."""
    return rule + PLAYED if rule in OF_STIMULI and not original else rule


def labels(rule: str) -> list[str]:
    """Return the names under which the tables have the jobs of `rule`."""
    return [rule, rule + PLAYED] if rule in OF_STIMULI else [rule]


def row_of(key: str) -> Keys:
    """Return the row for the configuration's `key`: its own, or else that of a pattern it fits."""
    exact = [row for row in KEYS if key in row.keys]
    found = exact or [row for row in KEYS if any(fnmatchcase(key, one) for one in row.keys)]
    assert len(found) == 1, f"KEYS in {__file__} has {len(found)} rows for {key}"
    return found[0]


@cache
def followers() -> dict[str, set[str]]:
    """Return the rules that read what each rule makes, as finished runs have noted it."""
    found: dict[str, set[str]] = defaultdict(set)
    for source in ("embedded", "audioset", "downloaded", "further_target"):
        notes = recorded(corpora.finished(source).folder)
        for path, note in notes.items():
            found[_maker(path, note)] |= set()
            for read in note["input"]:
                if read in notes:
                    found[_maker(read, notes[read])].add(_maker(path, note))
    # The finished runs have no fixed model and no network that is not trained. Their weights are
    # read as those of a network that is.
    found["index_spectrograms"] |= {"fit_model", "adopt_network"}
    found["adopt_network"] = found["train_network"] & {
        "compute_responses",
        "compute_stimulus_responses",
        "compute_probe_responses",
        "score_recognition",
        "lesion_units",
        "write_report",
    }
    found["fit_model"] = found["train_network"] & {
        "compute_responses",
        "compute_stimulus_responses",
        "compute_probe_responses",
        "write_report",
        LAST,
    }
    # Nor responses of another tool, which are read as those of a fixed model are.
    found["index_spectrograms"] |= {"import_responses"}
    found["index_spectrograms" + PLAYED] |= {"import_stimulus_responses"}
    of_networks = {"score_recognition", "lesion_units", "find_preferred"}
    found["import_responses"] = found["compute_responses"] - of_networks | {"write_report", LAST}
    found["compute_probe_spectrograms"] |= {"import_probe_responses"}
    for made_from in ("stimulus", "probe"):
        follow = found[f"compute_{made_from}_responses"]
        found[f"import_{made_from}_responses"] = {*follow}
        found["import_responses"] |= {f"import_{made_from}_responses"}
    return dict(found)


def _maker(path: str, note: Mapping) -> str:
    return labelled(note["rule"], original="/original/" in path)


def with_followers(first: Iterable[str], further_targets: bool = False) -> set[str]:
    """Return `first` and all that follows, down to the report.

    Without `further_targets`, the rules that only those need are left out.
    """
    found, waiting = set(), [*first]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(followers()[name])
    return found if further_targets else found - OF_FURTHER_TARGETS


def importers() -> dict[str, set[str]]:
    """Return the rules that import each module, by its name in the package, as digests see it."""
    found: dict[str, set[str]] = {
        path.relative_to(PACKAGE).with_suffix("").as_posix(): set()
        for path in PACKAGE.rglob("*.py")
    }
    for rule, (script, *further) in CODE.items():
        for path in modules_of(script, *further) - {script.resolve()}:
            name = path.relative_to(PACKAGE.resolve()).with_suffix("").as_posix()
            found[name].add(rule)
    return found


def first_of(rules: Iterable[str]) -> set[str]:
    """Return those of `rules` that follow none of the others in every corpus."""
    rules = set(rules)
    return {
        rule
        for rule in rules
        if not any(
            rule in with_followers([other], True) for other in rules - OF_SOME_SOURCES - {rule}
        )
    }
