# Paths, names and sizes that the rules share. The configuration is checked here, before the DAG.

import hashlib
import shutil
import sys
from itertools import product
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import get_wildcard_names, strip_wildcard_constraints

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from stages.audio.places import archive_paths
from stages.common import invocations
from stages.common.errors import InputError
from stages.configuration.check import check_sense, check_shape, kept_conditions
from stages.configuration.code import code_digest
from stages.common.urls import is_url
from stages.corpus.fsd50k import ground_truth
from stages.corpus.locations import COPIES, configured, with_copies
from stages.corpus.sizes import check_corpus, clip_counts

invocations.begin()

try:
    check_shape(config, Path(workflow.basedir) / "schemas" / "config.schema.yaml")
    check_sense(config)
    check_corpus(config["corpus"])
    # What AudioSet's clips are looked for in; other corpora say themselves where theirs are.
    SOURCES = (
        config["audio"]["sources"] if config["corpus"]["source"] == "audioset" else []
    )
    ARCHIVES = (
        archive_paths(config["audio"]["archives"]) if "archives" in SOURCES else []
    )
    N_CLIPS = clip_counts(config["corpus"], config["seed"])
except InputError as error:
    raise WorkflowError(str(error)) from None

CONDITIONS = kept_conditions(config)
SEEDS = list(range(1, config["networks"]["seeds"] + 1))
NETWORKS = [[condition, seed] for condition in CONDITIONS for seed in SEEDS]
SPLITS = ["train", "test"]
# What is compared with what: quilts, and the same stretch of the clips as they are.
QUILTS = [f"quilt-{ms}ms" for ms in config["quilts"]["segment_ms"]]
QUILT_STIMULI = ["intact", *QUILTS]
# As wildcards, the smallest first.
FRACTIONS = [repr(float(share)) for share in sorted(config["lesions"]["fractions"])]
SHARDS = {
    split: [
        f"{number:05d}"
        for number in range(-(-N_CLIPS[split] // config["corpus"]["shard_clips"]))
    ]
    for split in SPLITS
}


wildcard_constraints:
    split="train|test",
    shard=r"\d{5}",
    stimulus="original|intact|quilt-[1-9][0-9]*ms",
    condition="[a-z][a-z0-9_-]*",
    seed="[1-9][0-9]*",
    fraction="[0-9.e-]+",


def results(*parts):
    """The path of a result of this corpus."""
    return Path("results", config["corpus"]["name"], *parts).as_posix()


# Made when there is sound enough; what is asked for by a named target is asked for with it.
GATE = results("audio/gate.tsv")


def log_of(rule, *wildcards):
    return results("logs", rule, ("-".join(wildcards) or "job") + ".log")


def benchmark_of(rule, *wildcards):
    return results("benchmarks", rule, ("-".join(wildcards) or "job") + ".tsv")


def network(*parts):
    """The tail of the path of what belongs to one network."""
    return Path("{condition}", "seed-{seed}", *parts).as_posix()


def of_networks(pattern, networks=None):
    """`pattern` for each network, in the order of the configuration."""
    return [
        pattern.format(condition=condition, seed=seed)
        for condition, seed in (NETWORKS if networks is None else networks)
    ]


def of_seeds(pattern):
    """`pattern` for each replicate of a condition, whose wildcard stays."""
    return [pattern.replace("{seed}", str(seed)) for seed in SEEDS]


def of_shards(pattern, splits=SPLITS):
    """`pattern` for each shard of `splits`, as an input function.

    There may be thousands, and every job on a cluster reads the workflow again, most without need
    of the list.
    """

    def paths(wildcards):
        return [
            pattern.format(split=split, shard=shard)
            for split in splits
            for shard in SHARDS[split]
        ]

    return paths


def acoustics_of(split):
    """The tables of covariates of a split's clips."""
    return of_shards(results("acoustics/{split}/{shard}.tsv"), [split])


# The one that bars and claims are about: the smaller of two as near.
NEAREST_FRACTION = min(
    FRACTIONS, key=lambda share: abs(float(share) - config["selectivity"]["fraction"])
)


def of_lesions(name, conditions, fractions):
    """The tables `name` of lesions, condition by condition."""
    return [
        results("lesions", condition, f"fraction-{fraction}", name)
        for condition in conditions
        for fraction in fractions
    ]


def of_all(patterns, splits=SPLITS, stimuli=("original",)):
    """`patterns` for each value of their wildcards, `{shard}` for those of each of `splits`."""
    choices = {
        "stimulus": stimuli,
        "condition": CONDITIONS,
        "seed": SEEDS,
        "fraction": FRACTIONS,
    }
    for pattern in map(strip_wildcard_constraints, patterns):
        names = get_wildcard_names(pattern)
        chosen = [name for name in choices if name in names]
        of_splits = splits if names & {"split", "shard"} else splits[:1]
        for split in of_splits:
            for shard in SHARDS[split] if "shard" in names else [None]:
                for values in product(*(choices[name] for name in chosen)):
                    of_one = dict(zip(chosen, values))
                    yield pattern.format(split=split, shard=shard, **of_one)


def stored(wildcards):
    """Every file that is kept, the intermediate ones too: for `all`.

    Of one that is gone, Snakemake sees only that nothing has to be made from it, unless it is asked
    for.
    """
    return [
        # An embedded corpus is described by no file.
        *(rules.fetch_metadata.output if configured(config["corpus"]) else []),
        *rules.make_corpus.output,
        *(rules.index_archives.output if ARCHIVES else []),
        *of_all(rules.fetch_audio.output),
        *rules.summarise_yield.output,
        GATE,
        *of_all(rules.compute_spectrograms.output),
        *of_all(rules.index_spectrograms.output),
        *of_all(rules.compute_acoustics.output),
        *of_all(rules.train_network.output),
        *of_all(rules.compute_responses.output),
        *of_all(rules.selectivity_units.output),
        *of_all(rules.selective_responses.output),
        *rules.summarise_selectivity.output,
        *of_all(rules.score_recognition.output),
        *rules.summarise_recognition.output,
        *of_all(rules.compute_quilts.output, ["test"], QUILT_STIMULI),
        *of_all(rules.index_spectrograms.output, ["test"], QUILT_STIMULI),
        *of_all(rules.compute_quilt_responses.output, ["test"], QUILT_STIMULI),
        *of_all(rules.quilt_responses.output),
        *of_all(rules.decode_target.output),
        *of_all(rules.embed_responses.output),
        *of_all(rules.genre_responses.output),
        *of_all(rules.lesion_units.output),
        *rules.assess_claims.output,
        *FIGURES,
        *rules.write_report.output,
    ]


# The section `corpus`, with the local copy of every file that is a URL.
CORPUS = with_copies(config["corpus"], results("metadata"))
METADATA_COPIES = {
    name: results("metadata", COPIES[name])
    for name, place in configured(config["corpus"]).items()
    if is_url(place)
}


def metadata_on_disk(wildcards):
    """The files about the corpus that are configured as paths, by what they are."""
    files = configured(config["corpus"])
    return {name: path for name, path in files.items() if not is_url(path)}


def of_conditions(pattern):
    """`pattern` for each condition, in the order of the configuration."""
    return [pattern.format(condition=condition) for condition in CONDITIONS]


def corpus_files(wildcards):
    """The files that the configured corpus is read from, by what they are."""
    files = configured(CORPUS)
    if CORPUS["source"] == "manifest":
        files["manifest"] = CORPUS["manifest"]["path"]
    elif CORPUS["source"] == "fsd50k":
        files |= ground_truth(CORPUS["fsd50k"]["folder"])
    return files


def corpus_params(wildcards):
    """The keys of the section `corpus` that the tables depend on."""
    keys = ["source", "target", "withheld", "withheld_clips", "shard_clips", "ontology"]
    return {key: CORPUS[key] for key in [*keys, CORPUS["source"]]}


def metadata_params(wildcards):
    """The keys of the section `corpus` that say where its files are."""
    corpus = config["corpus"]
    # What the run is planned with is no reason to download again.
    lists = {key: place for key, place in corpus["audioset"].items() if key != "clips"}
    keys = ["source", "ontology", "withheld_clips"]
    return {**{key: corpus[key] for key in keys}, "audioset": lists}


# The section of the report that each figure stands in; `drawn` fills it.
SECTIONS = {}


def drawn(name, category):
    """The two files of a figure; the PNG goes into the report."""
    SECTIONS[name] = category
    return {
        "svg": results("figures", f"{name}.svg"),
        "png": report(
            results("figures", f"{name}.png"),
            caption=f"../report/{name}.rst",
            category=category,
        ),
    }


def figures_by_section(paths):
    """The names of the figures among `paths` (SVG and PNG of each), by their section."""
    sections = {}
    for name in dict.fromkeys(Path(path).stem for path in paths):
        sections.setdefault(SECTIONS[name], []).append(name)
    return sections


def digest(script):
    """The digest of a script's code; see rule 1 in docs/architecture.md."""
    return code_digest(SCRIPTS / script)


def digest_of_texts():
    """The digest of the captions and the page of the report."""
    digest = hashlib.sha256()
    for path in sorted((SCRIPTS.parent / "report").glob("*.*")):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


# Sizes of one clip, for memory and run time: samples at 22,050 Hz, log-Mel frames at hop 275.
CLIP_SAMPLES = round(config["corpus"]["clip_seconds"] * 22050)
CLIP_FRAMES = 1 + (CLIP_SAMPLES - 1) // 275


# What Snakemake itself takes of a job's memory on a cluster, where each job is two of it and the
# script: some 150 MB each.
SNAKEMAKE_MB = 400
# What torch takes before it does anything; with a GPU, its libraries too.
TORCH_MB = 700


def memory(amount):
    """`mem_mb` of a rule whose script takes `amount` (a number, or a function of the wildcards).

    A retry asks for as much again.
    """

    def asked_for(wildcards, attempt):
        needed = amount(wildcards) if callable(amount) else amount
        return attempt * (needed + SNAKEMAKE_MB)

    return asked_for


def minutes(amount):
    """`runtime` of a rule, `amount` as in `memory`; a retry asks for as much again."""

    def asked_for(wildcards, attempt):
        return attempt * (amount(wildcards) if callable(amount) else amount)

    return asked_for


def audio_shard_mb(wildcards):
    """Memory for one shard of samples: int16 on disk, and floats on the way."""
    return 600 + config["corpus"]["shard_clips"] * CLIP_SAMPLES * 12 // 10**6


def spectrogram_shard_mb(wildcards):
    """Memory for one shard of samples and its log-Mel spectrograms."""
    return TORCH_MB + audio_shard_mb(wildcards)


def audio_files(wildcards):
    """What the clips of a shard are read from, as far as rules make it."""
    files = {"clips": results("corpus/clips.tsv")}
    return files | ({"archives": results("audio/archives.tsv")} if ARCHIVES else {})


def audio_settings(wildcards):
    """The keys of the section `audio` that decide which sound is had, and not merely how."""
    audio = config["audio"]
    used = {"silence_db": audio["silence_db"], "ffmpeg": audio["ffmpeg"]}
    if SOURCES:
        used["sources"] = SOURCES
        used |= {
            name: audio[name] for name in ("folder", "archives") if name in SOURCES
        }
    return used


def audio_minutes(wildcards):
    """An upper bound: decoding takes a second at most, a video a minute or two."""
    seconds = 120 if "youtube" in SOURCES else 15
    return 120 + config["corpus"]["shard_clips"] * seconds // 60


def spectrogram_mb():
    """Memory that the spectrograms of the train split take in a training job."""
    resident = N_CLIPS["train"] * 64 * CLIP_FRAMES * 2 // 10**6
    return min(resident, config["networks"]["memory_mb"])


def table_mb(wildcards):
    """Memory for jobs that hold the clip table at once."""
    return 900 + sum(N_CLIPS.values()) // 1000


def responses_mb(wildcards):
    """Memory for jobs that hold every clip's response in every layer at once: 5 kB a clip."""
    return 1200 + sum(N_CLIPS.values()) * 5 // 1000


def network_mb(wildcards):
    """Memory for a network that is played clips, beside what it holds of them."""
    # The libraries of a GPU take host memory too.
    return 2 * TORCH_MB + (3000 if has_gpu() else 0)


def training_mb(wildcards):
    """Memory for a training job."""
    return network_mb(wildcards) + spectrogram_mb()


def playing_mb(wildcards):
    """Memory for a job that computes responses."""
    return network_mb(wildcards) + responses_mb(wildcards)


def shard_minutes(wildcards):
    """An upper bound for what is computed from the sound of a shard: a tenth of a second a clip."""
    return 30 + int(3 * config["corpus"]["shard_clips"] * 0.1 / 60)


def corpus_minutes(wildcards):
    """An upper bound for sums over every clip: a minute for 10,000."""
    return 60 + sum(N_CLIPS.values()) // 10000


def embedding_minutes(wildcards):
    """An upper bound for t-SNE of every replicate: 8 ms a clip."""
    return 30 + int(3 * len(SEEDS) * N_CLIPS["test"] * 0.008 / 60)


# What a cluster's profile says of GPUs; None on a workstation.
GPU_PARTITION = (workflow.resource_settings.default_resources or {}).get(
    "gpu_partition"
)


def has_gpu():
    """Whether networks get a GPU: as the profile says, for a cluster's head node has none."""
    device = config["networks"]["device"]
    if GPU_PARTITION is not None:
        return device != "cpu" and GPU_PARTITION.raw != "none"
    return device == "cuda" or (
        device == "auto" and shutil.which("nvidia-smi") is not None
    )


def on_gpu():
    """The resources that put a job on a GPU, where there is one."""
    if not has_gpu():
        return {"gpu": 0}
    # An empty name leaves the choice to the cluster.
    partition = GPU_PARTITION.raw if GPU_PARTITION is not None else ""
    return {"gpu": 1, **({"slurm_partition": partition} if partition else {})}


def playing_minutes(clips):
    """An upper bound for the responses to `clips` clips of 802 frames: 20 ms each on a core."""
    seconds = clips * CLIP_FRAMES / 802 * (0.001 if has_gpu() else 0.02)
    return 15 + int(3 * seconds / 60)


def training_minutes(wildcards):
    """An upper bound: 26 ms a clip of 802 frames on a core, a tenth of a millisecond on a GPU."""
    clips = N_CLIPS["train"] * CONDITIONS[wildcards.condition]["epochs"]
    seconds = clips * CLIP_FRAMES / 802 * (0.001 if has_gpu() else 0.026)
    return 15 + int(3 * seconds / 60)


def lesion_minutes(wildcards):
    """An upper bound for one fraction: 0.02 ms a clip and lesion, for 527 classes on a core."""
    lesions = config["lesions"]["random_draws"] + 4
    return 15 + int(len(SEEDS) * lesions * N_CLIPS["test"] * 0.00002 / 60)


def tell_where_results_are():
    print(f"\nreport   {results('report.html')}")
    print(f"claims   {results('claims/claims.tsv')}")
    print(f"figures  {results('figures')}")
    print(
        f"tables   {results('selectivity/summary.tsv')} {results('recognition/summary.tsv')}"
    )
    print(f"yield    {results('audio/yield.tsv')}")


def tell_how_to_go_on():
    print("\nWhat was finished is kept: the same command goes on from there.")
