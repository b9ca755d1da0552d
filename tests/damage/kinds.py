"""Every kind of file that a run leaves, and the real function that reads it first."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from snakemake.utils import update_config

from music_detectors.acoustics.compute import compute_acoustics_shard
from music_detectors.acoustics.join import join_acoustics
from music_detectors.audio.shard import decode_shard
from music_detectors.audio.yields import check_audio, summarise_yield
from music_detectors.claims.assess import TablePaths, assess_claims
from music_detectors.claims.study import Study
from music_detectors.decoding.decode import decode_target
from music_detectors.emergence.measure import measure_emergence
from music_detectors.figures.acoustics import plot_acoustics
from music_detectors.figures.average_precision import plot_average_precision
from music_detectors.figures.claims import plot_claims
from music_detectors.figures.class_responses import plot_class_responses
from music_detectors.figures.decoding import plot_decoding
from music_detectors.figures.embedding import plot_embedding
from music_detectors.figures.emergence import plot_emergence
from music_detectors.figures.genres import plot_genres
from music_detectors.figures.learning_curves import plot_learning_curves
from music_detectors.figures.lesion_classes import plot_lesion_classes
from music_detectors.figures.lesions import plot_lesions
from music_detectors.figures.levels import plot_levels
from music_detectors.figures.preferred_stimuli import plot_preferred_stimuli
from music_detectors.figures.profile_categories import plot_profile_categories
from music_detectors.figures.profile_components import plot_profile_components
from music_detectors.figures.profile_sounds import plot_profile_sounds
from music_detectors.figures.quilts import plot_quilts
from music_detectors.figures.quilts_genres import plot_quilts_genres
from music_detectors.figures.quilts_relative import plot_quilts_relative
from music_detectors.figures.specificity import plot_specificity
from music_detectors.figures.yields import plot_yields
from music_detectors.genres.responses import genre_responses
from music_detectors.levels.responses import level_responses
from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.weights import read_snapshots
from music_detectors.probes.spectrograms import compute_probe_spectrograms
from music_detectors.profiles.profile import profile_probe
from music_detectors.quilts.responses import quilt_responses
from music_detectors.recognition.scores import score_recognition, summarise_recognition
from music_detectors.report.page import write_report
from music_detectors.responses.compute import compute_responses
from music_detectors.selectivity.summary import summarise_selectivity
from music_detectors.specificity.join import summarise_specificity
from music_detectors.stimuli.making.spectrograms import compute_spectrogram_shards
from workflow.snake import ROOT

CONDITIONS = ["natural", "shuffled", "untrained"]
NETWORKS = [(condition, seed) for condition in CONDITIONS for seed in (1, 2)]
COMPARED = ["natural", "untrained", "gabor", "shuffled"]
LAYER, TARGET = "avgpool", "Music"
SHARDS = ("00000", "00001")

READ_BY_NO_STEP = re.compile(
    r"(report|units)\.html|figures/\w+\.svg|audio/gate\.tsv|spectrograms/[\w-]+/(train|test)/"
    r"\d+\.status\.tsv|quilts/\w+/[\w-]+/(lengths|networks|correlation)\.tsv|"
    r"profiles/\w+/\w+/[\w-]+/categories\.tsv|selectivity/\w+/balance\.tsv|"
    r"claims/settings\.json|tables/\w+\.parquet|configuration\.json|ro-crate-metadata\.json|logs/.*|benchmarks/.*"
)
"""Files that only the user reads, those that Snakemake writes, and the settings of claims, which
the tests of corpora damage."""


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    `example` is the path of one under the results, `like` a pattern of all their paths, `word` its
    name in messages. `read` takes the folder of the results and one for its outputs. `dataset` is
    where an HDF5 file is damaged.
    """

    example: str
    like: str
    word: str
    read: Callable[[Path, Path], object]
    dataset: str = ""


@cache
def configuration():
    whole = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(whole, yaml.safe_load((ROOT / "config/smoke.yaml").read_text()))
    return whole


def figure(out):
    return {"svg": out / "a.svg", "png": out / "a.png"}


def of_networks(results, tail):
    return [results / tail.format(condition, seed) for condition, seed in NETWORKS]


def fetch(results, out):
    decode_shard(
        results / "corpus/clips.tsv",
        "test",
        "00001",
        out / "a.h5",
        out / "a.tsv",
        settings=configuration()["audio"],
        clip_seconds=2,
        seed=7,
    )


def responses(results, out):
    compute_responses(
        [results / "networks/natural/seed-1/weights.safetensors"],
        [results / "spectrograms/original/train/index.tsv"],
        ["original"],
        ["train"],
        [out / "a.h5"],
        model="kim2024",
        device="cpu",
        threads=1,
    )


def yields(results, out):
    summarise_yield(
        results / "corpus/clips.tsv",
        results / "corpus/classes.tsv",
        [
            results / "audio" / split / f"{shard}.status.tsv"
            for split in ("train", "test")
            for shard in SHARDS
        ],
        out / "a.tsv",
        out / "b.tsv",
    )


def decoding(results, out):
    decode_target(
        results / "selectivity/music/natural/seed-1/units.tsv",
        *(results / f"responses/natural/seed-1/original/{split}.h5" for split in ("train", "test")),
        results / "corpus/clips.tsv",
        results / "corpus/classes.tsv",
        results / "corpus/blocks.tsv",
        results / "selectivity/music/matched.tsv",
        out / "a.tsv",
        out / "b.tsv",
        acoustics={split: results / f"acoustics/{split}.tsv" for split in ("train", "test")},
        fixed={
            "gabor": tuple(
                results / f"responses/gabor/seed-1/original/{split}.h5"
                for split in ("train", "test")
            )
        },
        layer=LAYER,
        block_size=32,
        seed=7,
        replicate=1,
    )


def genres(results, out):
    genre_responses(
        [results / f"selectivity/music/natural/seed-{seed}/clip_responses.tsv" for seed in (1, 2)],
        results / "corpus/clips.tsv",
        results / "corpus/classes.tsv",
        results / "corpus/blocks.tsv",
        out / "a.tsv",
        out / "b.tsv",
        replicates=[1, 2],
    )


def recognition(results, out):
    of_network = results / "responses/natural/seed-1/original"
    score_recognition(
        of_network / "train.h5",
        of_network / "test.h5",
        results / "corpus/clips.tsv",
        results / "corpus/classes.tsv",
        results / "corpus/branches.tsv",
        results / "networks/natural/seed-1/clips.tsv",
        results / "corpus/blocks.tsv",
        out / "a.tsv",
        out / "b.tsv",
        withhold=["Music", "Singing"],
    )


def recognised(results, out):
    summarise_recognition(
        of_networks(results, "recognition/{}/seed-{}/average_precision.tsv"),
        of_networks(results, "recognition/{}/seed-{}/left_out.tsv"),
        out / "a.tsv",
        out / "b.tsv",
        networks=NETWORKS,
        untaught={},
    )


def quilts(results, out):
    stimuli = ["intact", "quilt-50ms", "quilt-400ms"]
    quilt_responses(
        [results / f"spectrograms/{stimulus}/test/index.tsv" for stimulus in stimuli],
        [
            results / f"responses/natural/seed-{seed}/{stimulus}/test.h5"
            for stimulus in stimuli
            for seed in (1, 2)
        ],
        [results / f"selectivity/music/natural/seed-{seed}/units.tsv" for seed in (1, 2)],
        results / "corpus/clips.tsv",
        results / "corpus/classes.tsv",
        results / "corpus/blocks.tsv",
        {
            name: out / f"{name}.tsv"
            for name in (
                "responses",
                "left_out",
                "genres",
                "lengths",
                "intact",
                "networks",
                "correlation",
            )
        },
        stimuli=stimuli,
        segment_ms=[None, 50, 400],
        splits=["test"],
        seeds=[1, 2],
        layer=LAYER,
    )


def probe_spectrograms(results, out):
    compute_probe_spectrograms(
        results / "probes/embedded/sounds.h5",
        results / "audio/level.tsv",
        out / "a.h5",
        out / "a.tsv",
        stimulus="probe-embedded",
    )


def probe_responses(results, out):
    compute_responses(
        [results / "networks/natural/seed-1/weights.safetensors"],
        [results / "spectrograms/probe-embedded/test/index.tsv"],
        ["probe-embedded"],
        ["test"],
        [out / "a.h5"],
        model="kim2024",
        device="cpu",
        threads=1,
    )


def profiles(results, out):
    tables = "sounds categories contrasts ratios components component_means".split()
    tables += [f"left_out_{name}" for name in ("ratios", "categories", "components")]
    profile_probe(
        [results / f"responses/natural/seed-{seed}/probe-embedded/test.h5" for seed in (1, 2)],
        [results / f"selectivity/music/natural/seed-{seed}/units.tsv" for seed in (1, 2)],
        results / "probes/embedded/sounds.tsv",
        results / "probes/embedded/references.tsv",
        {name: out / f"{name}.tsv" for name in tables},
        target=["Song"],
        seeds=[1, 2],
        layer=LAYER,
        seed=7,
        bootstraps=100,
        probe="embedded",
    )


def of_profiles(results, name):
    return [results / f"profiles/music/embedded/{one}/{name}.tsv" for one in CONDITIONS]


def categories(results, out):
    tables = [of_profiles(results, name) for name in ("sounds", "contrasts", "ratios")]
    plot_profile_categories(*tables, ["embedded"], CONDITIONS, **figure(out))


def components(results, out):
    tables = [of_profiles(results, name) for name in ("components", "component_means")]
    plot_profile_components(*tables, ["embedded"], CONDITIONS, **figure(out))


def profiled_sounds(results, out):
    tables = of_profiles(results, "sounds")
    plot_profile_sounds(tables, ["embedded"], CONDITIONS, **figure(out))


def levels(results, out):
    levels_db = [0, -6]
    level_responses(
        [results / f"spectrograms/level-{-level}db/test/index.tsv" for level in levels_db],
        [
            results / f"responses/natural/seed-{seed}/level-{-level}db/test.h5"
            for level in levels_db
            for seed in (1, 2)
        ],
        [results / f"selectivity/music/natural/seed-{seed}/units.tsv" for seed in (1, 2)],
        results / "corpus/clips.tsv",
        results / "corpus/blocks.tsv",
        out / "a.tsv",
        out / "b.tsv",
        levels_db=levels_db,
        seeds=[1, 2],
        layer=LAYER,
    )


def louder_spectrograms(results, out):
    compute_spectrogram_shards(
        results / "audio/test/00001.h5",
        results / "corpus/clips.tsv",
        results / "corpus/classes.tsv",
        "test",
        "00001",
        ["level-0db"],
        [out / "a.h5"],
        [out / "a.tsv"],
        seed=1,
        compared_seconds=None,
        level=results / "audio/level.tsv",
    )


def relative_quilts(results, out):
    plot_quilts_relative(
        each_condition(results, "quilts/music", "/intact.tsv"),
        results / "quilts/music/conditions.tsv",
        CONDITIONS,
        "natural",
        LAYER,
        TARGET,
        **figure(out),
    )


def emergence(results, out):
    measure_emergence(
        *(
            results / f"responses/natural/seed-1/snapshots/{split}.h5"
            for split in ("train", "test")
        ),
        results / "corpus/clips.tsv",
        results / "corpus/classes.tsv",
        results / "corpus/branches.tsv",
        results / "corpus/blocks.tsv",
        results / "selectivity/music/matched.tsv",
        out / "a.tsv",
        out / "b.tsv",
        out / "c.tsv",
        withhold=["Music", "Singing"],
        fraction=0.125,
        perplexity=10,
        permutations=100,
        seed=7,
        condition="natural",
        replicate=1,
    )


def of_claims(results, ending):
    """Return the paths of the tables that claims read; `ending` is "" or "_left_out"."""

    def folder(path, name):
        return results / path / f"{'left_out' if ending else name}.tsv"

    def of_seeds(path, name):
        seeds = [1] if path.endswith("gabor") else [1, 2]
        return [folder(f"{path}/seed-{seed}", name) for seed in seeds]

    def table(path):
        return results / f"{path}{ending.replace('_', '-')}.tsv"

    def profile(condition, name):
        name = f"left_out_{name}" if ending else name
        return [results / f"profiles/music/embedded/{condition}/{name}.tsv"]

    return TablePaths(
        selectivity={
            name: [folder(f"selectivity/{name.lower()}", "summary")] for name in ("Music", "Animal")
        },
        segregation={name: of_seeds(f"embedding/music/{name}", "segregation") for name in COMPARED},
        recognition=folder("recognition", "summary"),
        decoding={
            name: of_seeds(f"decoding/music/{name}", "decoding") for name in ("natural", "gabor")
        },
        genres=table("genres/music/natural"),
        quilts={
            (target, name): [folder(f"quilts/{target.lower()}/{name}", "responses")]
            for target, names in (("Music", COMPARED), ("Animal", ["natural"]))
            for name in names
        },
        lesions=of_seeds("lesions/music/natural", "lesions"),
        specificity={
            name: [folder(f"specificity/music/{name}", "networks")]
            for name in ("natural", "untrained", "gabor")
        },
        levels=[table("levels/music/natural")],
        ratios={name: profile(name, "ratios") for name in COMPARED},
        categories=profile("natural", "categories"),
        components=profile("natural", "components"),
        emergence=of_seeds("emergence/music/natural", "emergence"),
    )


def claims(results, out):
    assess_claims(
        of_claims(results, ""),
        of_claims(results, "_left_out"),
        correlation=results / "quilts/music/natural/correlation.tsv",
        blocks=results / "corpus/blocks.tsv",
        claims=out / "a.tsv",
        values=out / "b.tsv",
        study=Study(
            condition="natural",
            controls=["untrained", "gabor"],
            features=["gabor"],
            target_heard=[],
            shuffled=["shuffled"],
            speech_withheld=[],
            withheld_others=[],
            fixed=["gabor"],
            target="Music",
            further=["Animal"],
            fraction=0.125,
            smallest_effects=configuration()["claims"]["smallest_effects"],
        ),
        layer=LAYER,
        sounds="groups",
        alpha=0.05,
        min_networks=5,
    )


def over_training(results, out):
    table, points = (
        results / f"emergence/music/natural/seed-1/{name}.tsv" for name in ("emergence", "points")
    )
    plot_emergence([table], points, [("natural", 1)], TARGET, **figure(out))


def preferred_stimuli(results, out):
    folder, corpus = results / "preferred/music/natural/seed-1", results / "corpus"
    plot_preferred_stimuli(
        *(folder / name for name in ("stimuli.h5", "units.tsv", "clips.tsv")),
        results / "spectrograms/original/test/index.tsv",
        corpus / "clips.tsv",
        corpus / "classes.tsv",
        **figure(out),
    )


def report(results, out):
    svgs = sorted((results / "figures").glob("[!.]*.svg"))
    drawn = [*svgs, *(path.with_suffix(".png") for path in svgs)]
    write_report(
        results / "claims/claims.tsv",
        results / "corpus/summary.tsv",
        results / "corpus/clips.tsv",
        results / "corpus/conditions.tsv",
        results / "audio/yield.tsv",
        results / "audio/clipped.tsv",
        results / "recognition/summary.tsv",
        results / "selectivity/music/summary.tsv",
        of_networks(results, "networks/{}/seed-{}/weights.safetensors"),
        drawn,
        results / "excerpts/excerpts.tsv",
        results / "genres/music/natural.tsv",
        out / "a.html",
        config=configuration(),
        sections={"Claims": [], "Corpus": [], "All": sorted({path.stem for path in drawn})},
        tables={},
        benchmarks=results / "benchmarks",
        logs=results / "logs",
        plan=results / "plan",
        judged_by="",
    )


def each_condition(results, head, tail=""):
    return [results / f"{head}/{condition}{tail}" for condition in CONDITIONS]


_OF_NETWORK = r"(natural|full|no-speech|shuffled|untrained|gabor|pca)/seed-\d/"
# The first target and the further one.
_TARGET = "(music|animal)"
_OF_CONDITION = r"(natural|full|no-speech|shuffled|untrained|gabor|pca)"

KINDS = [
    Kind("corpus/clips.tsv", r"corpus/(animal/)?clips\.tsv", "table", fetch),
    Kind("corpus/clips.tsv", r"corpus/(animal/)?clips\.tsv", "table", yields),
    Kind("corpus/clips.tsv", r"corpus/(animal/)?clips\.tsv", "table", genres),
    Kind("corpus/classes.tsv", r"corpus/(animal/)?classes\.tsv", "table", genres),
    Kind("corpus/blocks.tsv", r"corpus/blocks\.tsv", "table", genres),
    Kind("corpus/blocks.tsv", r"corpus/blocks\.tsv", "table", claims),
    Kind("selectivity/music/matched.tsv", r"selectivity/music/matched\.tsv", "table", decoding),
    Kind("corpus/branches.tsv", r"corpus/branches\.tsv", "table", recognition),
    Kind("corpus/summary.tsv", r"corpus/summary\.tsv", "table", report),
    Kind("corpus/conditions.tsv", r"corpus/conditions\.tsv", "table", report),
    Kind("excerpts/excerpts.tsv", r"excerpts/excerpts\.tsv", "table", report),
    Kind(
        "audio/test/00001.h5",
        r"audio/(train|test)/\d+\.h5",
        "audio shard",
        lambda r, out: compute_acoustics_shard(
            r / "audio/test/00001.h5", r / "spectrograms/original/test/00001.h5", out / "a.tsv"
        ),
        "samples",
    ),
    Kind("audio/test/00001.status.tsv", r"audio/(train|test)/\d+\.status\.tsv", "table", yields),
    Kind(
        "audio/yield.tsv",
        r"audio/yield\.tsv",
        "table",
        lambda r, out: plot_yields(
            r / "audio/yield.tsv", r / "audio/yield_splits.tsv", **figure(out)
        ),
    ),
    Kind(
        "audio/yield_splits.tsv",
        r"audio/yield_splits\.tsv",
        "table",
        lambda r, out: check_audio(
            r / "audio/yield.tsv", r / "audio/yield_splits.tsv", out / "a.tsv", 1.0, 0
        ),
    ),
    Kind(
        "preferred/music/natural/seed-1/stimuli.h5",
        r"preferred/music/natural/seed-1/stimuli\.h5",
        "spectrogram shard",
        preferred_stimuli,
        "log_mel",
    ),
    *(
        Kind(
            f"preferred/music/natural/seed-1/{name}.tsv",
            rf"preferred/music/natural/seed-1/{name}\.tsv",
            "table",
            preferred_stimuli,
        )
        for name in ("units", "clips")
    ),
    Kind("audio/clipped.tsv", r"audio/clipped\.tsv", "table", report),
    Kind("audio/level.tsv", r"audio/level\.tsv", "table", louder_spectrograms),
    Kind(
        "spectrograms/original/train/00000.h5",
        r"spectrograms/(original|intact|quilt-\d+ms|level-\d+db)/(train|test)/\d+\.h5",
        "spectrogram shard",
        responses,
        "log_mel",
    ),
    Kind(
        "spectrograms/original/train/index.tsv",
        r"spectrograms/(original|intact|quilt-\d+ms|level-\d+db)/(train|test)/index\.tsv",
        "table",
        responses,
    ),
    Kind(
        "acoustics/train/00000.tsv",
        r"acoustics/(train|test)/\d+\.tsv",
        "table",
        lambda r, out: join_acoustics(
            [r / f"acoustics/train/{shard}.tsv" for shard in SHARDS], out / "a.tsv"
        ),
    ),
    Kind("acoustics/train.tsv", r"acoustics/(train|test)\.tsv", "table", decoding),
    Kind(
        "networks/natural/seed-1/weights.safetensors",
        rf"networks/{_OF_NETWORK}weights\.safetensors",
        "weights",
        responses,
    ),
    Kind(
        "networks/shuffled/seed-1/weights.safetensors",
        rf"networks/{_OF_NETWORK}weights\.safetensors",
        "weights",
        report,
    ),
    Kind(
        "networks/natural/seed-1/snapshots.safetensors",
        rf"networks/{_OF_NETWORK}snapshots\.safetensors",
        "snapshots",
        lambda r, out: read_snapshots(
            r / "networks/natural/seed-1/snapshots.safetensors", Kim2024(), "kim2024"
        ),
    ),
    Kind(
        "networks/natural/seed-1/history.tsv",
        rf"networks/{_OF_NETWORK}history\.tsv",
        "table",
        lambda r, out: plot_learning_curves(
            of_networks(r, "networks/{}/seed-{}/history.tsv"), NETWORKS, [], **figure(out)
        ),
    ),
    Kind(
        "networks/natural/seed-1/clips.tsv",
        rf"networks/{_OF_NETWORK}clips\.tsv",
        "table",
        recognition,
    ),
    Kind(
        "responses/natural/seed-1/original/train.h5",
        rf"responses/{_OF_NETWORK}original/(train|test)\.h5",
        "responses",
        recognition,
        "fc2",
    ),
    Kind(
        "responses/natural/seed-1/quilt-50ms/test.h5",
        rf"responses/{_OF_NETWORK}(intact|quilt-\d+ms)/test\.h5",
        "responses",
        quilts,
        LAYER,
    ),
    Kind(
        "responses/natural/seed-1/snapshots/train.h5",
        rf"responses/{_OF_NETWORK}snapshots/(train|test)\.h5",
        "responses",
        emergence,
        "epoch-2/avgpool",
    ),
    Kind(
        "responses/natural/seed-1/level-6db/test.h5",
        rf"responses/{_OF_NETWORK}level-\d+db/test\.h5",
        "responses",
        levels,
        LAYER,
    ),
    Kind(
        "recognition/natural/seed-1/average_precision.tsv",
        rf"recognition/{_OF_NETWORK}average_precision\.tsv",
        "table",
        recognised,
    ),
    Kind(
        "recognition/natural/seed-1/left_out.tsv",
        rf"recognition/{_OF_NETWORK}left_out\.tsv",
        "table",
        recognised,
    ),
    Kind(
        "recognition/summary.tsv",
        r"recognition/summary\.tsv",
        "table",
        lambda r, out: plot_average_precision(
            r / "recognition/summary.tsv", CONDITIONS, [], TARGET, **figure(out)
        ),
    ),
    Kind(
        "selectivity/music/natural/seed-1/units.tsv",
        rf"selectivity/{_TARGET}/{_OF_NETWORK}units\.tsv",
        "table",
        lambda r, out: summarise_selectivity(
            of_networks(r, "selectivity/music/{}/seed-{}/units.tsv"),
            of_networks(r, "selectivity/music/{}/seed-{}/clip_responses.tsv"),
            r / "acoustics/test.tsv",
            r / "corpus/blocks.tsv",
            out / "a.tsv",
            out / "b.tsv",
            out / "c.tsv",
            networks=NETWORKS,
            layer=LAYER,
            target=TARGET,
        ),
    ),
    Kind(
        "selectivity/music/natural/seed-1/clip_responses.tsv",
        rf"selectivity/{_TARGET}/{_OF_NETWORK}clip_responses\.tsv",
        "table",
        genres,
    ),
    Kind(
        "selectivity/music/natural/seed-1/class_responses.tsv",
        rf"selectivity/{_TARGET}/{_OF_NETWORK}class_responses\.tsv",
        "table",
        lambda r, out: plot_class_responses(
            [r / f"selectivity/music/natural/seed-{seed}/class_responses.tsv" for seed in (1, 2)],
            "natural",
            TARGET,
            **figure(out),
        ),
    ),
    Kind(
        "selectivity/music/summary.tsv",
        rf"selectivity/{_TARGET}/summary\.tsv",
        "table",
        lambda r, out: plot_acoustics(
            r / "selectivity/music/summary.tsv", CONDITIONS, LAYER, TARGET, **figure(out)
        ),
    ),
    Kind(
        "quilts/music/natural/responses.tsv",
        rf"quilts/{_TARGET}/{_OF_CONDITION}/responses\.tsv",
        "table",
        lambda r, out: plot_quilts(
            each_condition(r, "quilts/music", "/responses.tsv"),
            CONDITIONS,
            LAYER,
            TARGET,
            **figure(out),
        ),
    ),
    Kind(
        "quilts/music/natural/genres.tsv",
        rf"quilts/{_TARGET}/{_OF_CONDITION}/genres\.tsv",
        "table",
        lambda r, out: plot_quilts_genres(
            r / "quilts/music/natural/genres.tsv", "natural", LAYER, TARGET, **figure(out)
        ),
    ),
    Kind(
        "quilts/music/natural/intact.tsv",
        rf"quilts/{_TARGET}/{_OF_CONDITION}/intact\.tsv",
        "table",
        relative_quilts,
    ),
    Kind("quilts/music/conditions.tsv", r"quilts/music/conditions\.tsv", "table", relative_quilts),
    Kind(
        "levels/music/natural.tsv",
        rf"levels/music/{_OF_CONDITION}\.tsv",
        "table",
        lambda r, out: plot_levels(
            each_condition(r, "levels/music", ".tsv"), CONDITIONS, LAYER, TARGET, **figure(out)
        ),
    ),
    *(
        Kind(
            f"emergence/music/natural/seed-1/{name}.tsv",
            rf"emergence/music/{_OF_NETWORK}{name}\.tsv",
            "table",
            over_training,
        )
        for name in ("emergence", "points")
    ),
    Kind(
        "decoding/music/natural/seed-1/decoding.tsv",
        rf"decoding/music/{_OF_NETWORK}decoding\.tsv",
        "table",
        lambda r, out: plot_decoding(
            of_networks(r, "decoding/music/{}/seed-{}/decoding.tsv"),
            NETWORKS,
            LAYER,
            TARGET,
            **figure(out),
        ),
    ),
    *(
        Kind(
            f"embedding/music/natural/seed-1/{name}.tsv",
            rf"embedding/music/{_OF_NETWORK}{name}\.tsv",
            "table",
            lambda r, out: plot_embedding(
                each_condition(r, "embedding/music", "/seed-1/points.tsv"),
                of_networks(r, "embedding/music/{}/seed-{}/segregation.tsv"),
                NETWORKS,
                TARGET,
                **figure(out),
            ),
        )
        for name in ("points", "segregation")
    ),
    Kind(
        "genres/music/natural.tsv",
        rf"genres/music/{_OF_CONDITION}\.tsv",
        "table",
        lambda r, out: plot_genres(
            each_condition(r, "genres/music", ".tsv"), CONDITIONS, TARGET, **figure(out)
        ),
    ),
    Kind(
        "lesions/music/natural/seed-1/lesions.tsv",
        rf"lesions/music/{_OF_NETWORK}lesions\.tsv",
        "table",
        lambda r, out: plot_lesions(
            of_networks(r, "lesions/music/{}/seed-{}/lesions.tsv"), NETWORKS, 0.125, **figure(out)
        ),
    ),
    Kind(
        "lesions/music/natural/seed-1/classes.tsv",
        rf"lesions/music/{_OF_NETWORK}classes\.tsv",
        "table",
        lambda r, out: plot_lesion_classes(
            [r / "lesions/music/natural/seed-1/classes.tsv"], "natural", 0.125, **figure(out)
        ),
    ),
    Kind("audio/level.tsv", r"audio/level\.tsv", "table", probe_spectrograms),
    Kind(
        "probes/embedded/sounds.h5",
        r"probes/embedded/sounds\.h5",
        "audio shard",
        probe_spectrograms,
        "samples",
    ),
    *(
        Kind(f"probes/embedded/{name}.tsv", rf"probes/embedded/{name}\.tsv", "table", profiles)
        for name in ("sounds", "references")
    ),
    Kind(
        "spectrograms/probe-embedded/test/00000.h5",
        r"spectrograms/probe-embedded/test/\d+\.h5",
        "spectrogram shard",
        probe_responses,
        "log_mel",
    ),
    Kind(
        "spectrograms/probe-embedded/test/index.tsv",
        r"spectrograms/probe-embedded/test/index\.tsv",
        "table",
        probe_responses,
    ),
    Kind(
        "responses/natural/seed-1/probe-embedded/test.h5",
        rf"responses/{_OF_NETWORK}probe-embedded/test\.h5",
        "responses",
        profiles,
        LAYER,
    ),
    *(
        Kind(
            f"profiles/music/embedded/natural/{name}.tsv",
            rf"profiles/[a-z_]+/embedded/{_OF_CONDITION}/{name}\.tsv",
            "table",
            read,
        )
        for read, names in (
            (profiled_sounds, ["sounds"]),
            (categories, ["contrasts", "ratios"]),
            (components, ["components", "component_means"]),
        )
        for name in names
    ),
    *(
        Kind(
            f"claims/{name}.tsv",
            rf"claims/{name}\.tsv",
            "table",
            lambda r, out: plot_claims(
                r / "claims/claims.tsv", r / "claims/estimates.tsv", **figure(out)
            ),
        )
        for name in ("claims", "estimates")
    ),
    *(
        Kind(example, like, "table", claims)
        for example, like in (
            ("selectivity/music/left_out.tsv", rf"selectivity/{_TARGET}/left_out\.tsv"),
            (
                "embedding/music/natural/seed-1/left_out.tsv",
                rf"embedding/music/{_OF_NETWORK}left_out\.tsv",
            ),
            ("recognition/left_out.tsv", r"recognition/left_out\.tsv"),
            *(
                (
                    f"specificity/music/natural/{name}.tsv",
                    rf"specificity/music/{_OF_CONDITION}/{name}\.tsv",
                )
                for name in ("networks", "left_out")
            ),
            (
                "decoding/music/natural/seed-1/left_out.tsv",
                rf"decoding/music/{_OF_NETWORK}left_out\.tsv",
            ),
            ("genres/music/natural-left-out.tsv", rf"genres/music/{_OF_CONDITION}-left-out\.tsv"),
            (
                "quilts/music/natural/left_out.tsv",
                rf"quilts/{_TARGET}/{_OF_CONDITION}/left_out\.tsv",
            ),
            (
                "lesions/music/natural/seed-1/left_out.tsv",
                rf"lesions/music/{_OF_NETWORK}left_out\.tsv",
            ),
            ("levels/music/natural-left-out.tsv", rf"levels/music/{_OF_CONDITION}-left-out\.tsv"),
            *(
                (
                    f"profiles/music/embedded/natural/left_out_{name}.tsv",
                    rf"profiles/[a-z_]+/embedded/{_OF_CONDITION}/left_out_{name}\.tsv",
                )
                for name in ("ratios", "categories", "components")
            ),
            (
                "emergence/music/natural/seed-1/left_out.tsv",
                rf"emergence/music/{_OF_NETWORK}left_out\.tsv",
            ),
        )
    ),
    *(
        Kind(
            f"specificity/music/natural/seed-1/{name}.tsv",
            rf"specificity/music/{_OF_NETWORK}{name}\.tsv",
            "table",
            lambda r, out: summarise_specificity(
                *(
                    [r / f"specificity/music/natural/seed-1/{name}.tsv"]
                    for name in ("measures", "sets")
                ),
                *(out / f"{name}.tsv" for name in ("networks", "left_out", "sets")),
                alpha=0.05,
            ),
        )
        for name in ("measures", "sets")
    ),
    Kind(
        "specificity/music/natural/sets.tsv",
        rf"specificity/music/{_OF_CONDITION}/sets\.tsv",
        "table",
        lambda r, out: plot_specificity(
            *([r / f"specificity/music/natural/{name}.tsv"] for name in ("networks", "sets")),
            ["natural"],
            TARGET,
            **figure(out),
        ),
    ),
    Kind("figures/quilts.png", r"figures/\w+\.png", "figure", report),
]
