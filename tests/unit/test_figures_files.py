"""Every figure is drawn from files to an SVG and a PNG; a file that cannot be drawn is named."""

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from music_detectors.audio.columns import SPLIT_YIELD, YIELD
from music_detectors.claims.assess import estimates_table
from music_detectors.claims.columns import ESTIMATES, VERDICTS
from music_detectors.claims.inference import claims_table
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.decoding.columns import DECODING
from music_detectors.embedding.columns import EMBEDDING_POINTS, SEGREGATION
from music_detectors.emergence.columns import EMERGENCE, EMERGENCE_POINTS
from music_detectors.genres.columns import GENRES
from music_detectors.lesions.columns import LESION_CLASSES, LESIONS
from music_detectors.levels.columns import LEVELS
from music_detectors.preferred.columns import PREFERRED, TOP_CLIPS
from music_detectors.quilts.columns import (
    QUILT_CONDITIONS,
    QUILT_GENRES,
    QUILT_INTACT,
    QUILT_RESPONSES,
)
from music_detectors.recognition.columns import RECOGNITION_SUMMARY
from music_detectors.selectivity.columns import (
    CLASS_RESPONSES,
    CLIP_RESPONSES,
    SELECTIVITY_SUMMARY,
    UNITS,
)
from music_detectors.specificity.columns import SETS, SPECIFICITY
from music_detectors.spectrograms.columns import INDEX
from music_detectors.training.columns import HISTORY
from support import figure_modules, figure_tables, lesion_tables
from support.claim_tables import Tables

# The second has a name that could be taken for mathematics.
CONDITIONS = ["natural", "own_$condition$"]
FIGURES = [path.stem for path in figure_modules.DRAWN]


def arguments(folder, figure, seeds=2):
    """Write made-up tables of `seeds` networks per condition; return what the figure takes."""
    networks = figure_tables.networks(CONDITIONS, seeds)

    def single(name, table, columns):
        (path,) = figure_tables.written(folder, name, [table], columns)
        return path

    def by_network(make, columns, of=networks):
        return figure_tables.written(folder, "network", [make(*pair) for pair in of], columns)

    def by_condition(make, columns, name="condition", **size):
        tables = [make(condition, seeds=seeds, **size) for condition in CONDITIONS]
        return figure_tables.written(folder, name, tables, columns)

    def of_each(make, columns, name="network", **size):
        """Write what `make` has of each network into a table of its own."""
        tables = [
            of_network
            for condition in CONDITIONS
            for _, of_network in make(condition, seeds=seeds, **size).groupby("seed")
        ]
        return figure_tables.written(folder, name, tables, columns)

    conditions = {"conditions": CONDITIONS}
    layer, target = {"layer": "avgpool"}, {"target": ["Music", "my_$target$"]}
    match figure:
        case "acoustics" | "selectivity_by_layer":
            table = figure_tables.selectivity_summary(CONDITIONS, seeds)
            return {"table": single("summary", table, SELECTIVITY_SUMMARY)} | (
                conditions | layer | target
            )
        case "targets":
            tables = [figure_tables.selectivity_summary(CONDITIONS, seeds) for _ in range(2)]
            return {
                "tables": figure_tables.written(folder, "summary", tables, SELECTIVITY_SUMMARY),
                "targets": ["Music", ["Speech", "Singing"]],
                "condition": "natural",
            } | layer
        case "specificity":
            return {
                "networks": by_condition(figure_tables.specificity, SPECIFICITY),
                "sets": by_condition(figure_tables.random_sets, SETS, "sets"),
            } | (conditions | target)
        case "response_ratio":
            table = figure_tables.selectivity_summary(CONDITIONS, seeds)
            return {"table": single("summary", table, SELECTIVITY_SUMMARY)} | (
                conditions | layer | target
            )
        case "all_units":
            table = figure_tables.selectivity_summary(CONDITIONS, seeds)
            return {
                "tables": by_network(
                    figure_tables.clip_responses, CLIP_RESPONSES, networks[:seeds]
                ),
                "summary": single("summary", table, SELECTIVITY_SUMMARY),
                "condition": "natural",
            } | (conditions | layer | target)
        case "profile_sounds" | "profile_categories" | "profile_components":
            probes = ["mine", "own_$set$"]
            made = {
                name: figure_tables.written(folder, name, tables, columns)
                for name, (tables, columns) in figure_tables.profiles(
                    probes, CONDITIONS, seeds
                ).items()
            }
            taken = {
                "profile_sounds": {"tables": made["sounds"]},
                "profile_categories": {
                    name: made[name] for name in ("sounds", "contrasts", "ratios")
                },
                "profile_components": {
                    "components": made["components"],
                    "means": made["component_means"],
                },
            }
            return taken[figure] | {"probes": probes} | conditions
        case "average_precision":
            table = figure_tables.recognition_summary(CONDITIONS, seeds)
            return {
                "table": single("summary", table, RECOGNITION_SUMMARY),
                "relabelled": CONDITIONS[1:],
            } | (conditions | target)
        case "claims":
            parts = Tables(seeds=seeds).parts()
            table = claims_table(parts, alpha=0.05, min_networks=5)
            return {
                "claims": single("claims", table, VERDICTS),
                "estimates": single("estimates", estimates_table(parts), ESTIMATES),
            }
        case "class_responses":
            tables = by_network(figure_tables.class_responses, CLASS_RESPONSES, networks[:seeds])
            return {"tables": tables, "condition": "natural"} | target
        case "decoding":
            tables = of_each(figure_tables.decoding, DECODING)
            return {"tables": tables, "networks": networks} | layer | target
        case "decoding_features":
            tables = of_each(figure_tables.decoding, DECODING, fixed=["bank"])
            return {"tables": tables, "networks": networks} | target
        case "decoding_genres":
            classes, _ = figure_tables.corpus(per_class=1, branches=("Music",))
            genres = list(classes["mid"])
            return {
                "tables": of_each(figure_tables.decoding, DECODING, genres=genres)[:seeds],
                "classes": single("classes", classes, CLASSES),
                "condition": "natural",
            } | (layer | target)
        case "embedding":
            return {
                "points": of_each(figure_tables.embedding_points, EMBEDDING_POINTS, "points")[
                    ::seeds
                ],
                "segregation": of_each(figure_tables.segregation, SEGREGATION, "index"),
                "networks": networks,
            } | target
        case "emergence":
            return {
                "tables": of_each(figure_tables.emergence, EMERGENCE),
                "points": single("points", figure_tables.emergence_points(), EMERGENCE_POINTS),
                "networks": networks,
            } | target
        case "example_spectrograms":
            classes, clips = figure_tables.corpus(per_class=1, branches=("Music", "Animal"))
            index = figure_tables.spectrogram_shard(folder / "00000.h5", clips, short=["clip-0-0"])
            return {
                "index": single("index", index, INDEX),
                "clips": single("clips", clips, CLIPS),
                "classes": single("classes", classes, CLASSES),
            }
        case "preferred_stimuli":
            classes, clips = figure_tables.corpus(per_class=1, branches=("Music", "Animal"))
            index = figure_tables.spectrogram_shard(folder / "00000.h5", clips, short=["clip-0-0"])
            units = pd.DataFrame({"clip_id": ["unit-4", "unit-2"]})
            figure_tables.spectrogram_shard(folder / "stimuli.h5", units)
            found = figure_tables.preferred_units([4, 2])
            top = figure_tables.top_clips([4, 2], clips["clip_id"])
            return {
                "stimuli": folder / "stimuli.h5",
                "table": single("units", found, PREFERRED),
                "top": single("top", top, TOP_CLIPS),
                "index": single("index", index, INDEX),
                "clips": single("clips", clips, CLIPS),
                "classes": single("classes", classes, CLASSES),
            }
        case "genres":
            return {"tables": by_condition(figure_tables.genres, GENRES)} | conditions | target
        case "learning_curves":
            return {
                "histories": by_network(figure_tables.history, HISTORY),
                "networks": networks,
                "kept_last": CONDITIONS[1:],
            }
        case "lesions":
            tables = of_each(lesion_tables.lesions, LESIONS)
            return {"tables": tables, "fraction": 0.125, "networks": networks}
        case "lesion_dose":
            # A corpus without classes of the target in its test clips.
            tables = of_each(lesion_tables.lesions, LESIONS, n_target_classes=0)
            return {"tables": tables, "networks": networks} | target
        case "lesion_classes":
            table = single("classes", lesion_tables.lesion_classes(seeds), LESION_CLASSES)
            return {"tables": [table], "condition": "natural", "fraction": 0.125}
        case "levels":
            tables = by_condition(figure_tables.levels, LEVELS)
            return {"tables": tables} | conditions | layer | target
        case "quilts":
            tables = by_condition(figure_tables.quilt_responses, QUILT_RESPONSES)
            return {"tables": tables} | conditions | layer | target
        case "quilts_genres":
            table = single("genres", figure_tables.quilt_genres(seeds), QUILT_GENRES)
            return {"table": table, "condition": "natural"} | layer | target
        case "quilts_relative":
            comparisons = figure_tables.quilt_conditions(CONDITIONS[0], CONDITIONS[1:], seeds)
            return {
                "tables": by_condition(figure_tables.quilt_intact, QUILT_INTACT),
                "comparisons": single("conditions", comparisons, QUILT_CONDITIONS),
                "reference": CONDITIONS[0],
            } | (conditions | layer | target)
        case "quilts_targets":
            return {
                "tables": by_condition(figure_tables.quilt_responses, QUILT_RESPONSES, "target"),
                "targets": ["Music", ["Speech", "my_$target$"]],
                "condition": "natural",
            } | layer
        case "selective_responses":
            tables = by_network(figure_tables.clip_responses, CLIP_RESPONSES)
            return {"tables": tables, "networks": networks} | layer | target
        case "selectivity_index":
            units = by_network(figure_tables.units, UNITS)
            return {"units": units, "networks": networks} | layer | target
        case "yields":
            table, splits = figure_tables.yield_tables(n_classes=20)
            return {
                "table": single("yield", table, YIELD),
                "splits": single("yield_splits", splits, SPLIT_YIELD),
            }
    raise AssertionError(f"no tables for the figure {figure}")


def draw(folder, figure, seeds=2, **changed):
    """Draw `figure` from made-up tables, with the arguments in `changed` replaced."""
    inputs = arguments(folder / "inputs", figure, seeds) | changed
    out = {"svg": folder / "figure.svg", "png": folder / "figure.png"}
    getattr(import_module(f"music_detectors.figures.{figure}"), f"plot_{figure}")(**inputs, **out)
    return out


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_is_written_as_svg_and_png(tmp_path, figure):
    out = draw(tmp_path, figure)
    assert "</svg>" in out["svg"].read_text()
    with Image.open(out["png"]) as image:
        pixels = np.asarray(image.convert("L"))
    # Something is drawn, and nothing is cut off at the edges of the page.
    assert (pixels != 255).mean() > 0.02
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 255).all()


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_can_be_drawn_from_one_network(tmp_path, figure):
    draw(tmp_path, figure, seeds=1)


def test_many_classes_are_drawn_by_rank(tmp_path):
    tables = [figure_tables.class_responses("natural", 1, n_classes=75)]
    draw(
        tmp_path,
        "class_responses",
        tables=figure_tables.written(tmp_path, "many", tables, CLASS_RESPONSES),
    )
    tables = figure_tables.written(
        tmp_path, "many", [lesion_tables.lesion_classes(n_classes=75)], LESION_CLASSES
    )
    draw(tmp_path, "lesion_classes", tables=tables)


def draw_changed(folder, figure, name, columns, change):
    """Draw `figure` with the last table of its argument `name` replaced by `change` of it."""
    paths = arguments(folder / "changed", figure)[name]
    path = paths[-1] if isinstance(paths, list) else paths
    write_table(path, change(read_table(path, columns)), columns)
    draw(folder, figure, **{name: paths})


# Values are missing where clips are too few or a network never responds.
DEGENERATE = {
    "emergence": ("tables", EMERGENCE, lambda t: t.assign(ratio=np.nan, segregation=np.nan)),
    "all_units": ("tables", CLIP_RESPONSES, lambda t: t.assign(all_units=0.0)),
    "response_ratio": ("table", SELECTIVITY_SUMMARY, lambda t: t.assign(test_ratio=np.nan)),
    "targets": ("tables", SELECTIVITY_SUMMARY, lambda t: t.assign(test_ratio=np.nan)),
    "acoustics": (
        "table",
        SELECTIVITY_SUMMARY,
        lambda t: t.assign(response_partial_d=np.nan, test_partial_difference=np.nan),
    ),
    "average_precision": (
        "table",
        RECOGNITION_SUMMARY,
        lambda t: t[t["group"] == "natural"].assign(mean_average_precision=np.nan),
    ),
    "claims": ("estimates", ESTIMATES, lambda t: t.assign(estimate=np.nan)),
    "decoding": ("tables", DECODING, lambda t: t.assign(average_precision=np.nan)),
    "decoding_features": ("tables", DECODING, lambda t: t.assign(average_precision=np.nan)),
    "decoding_genres": ("tables", DECODING, lambda t: t[t["genre"] == ""]),
    "embedding": ("points", EMBEDDING_POINTS, lambda t: t.assign(x=0.0, y=0.0)),
    "genres": ("tables", GENRES, lambda t: t.assign(hedges_g=np.nan)),
    "learning_curves": ("histories", HISTORY, lambda t: t.assign(validation_map=np.nan)),
    "lesions": ("tables", LESIONS, lambda t: t.assign(percentile=np.nan)),
    "levels": ("tables", LEVELS, lambda t: t.assign(ratio=np.nan, hedges_g=np.inf)),
    "preferred_stimuli": ("table", PREFERRED, lambda t: t.assign(ratio=np.nan)),
    "quilts": ("tables", QUILT_RESPONSES, lambda t: t.assign(n_clips=0, response=np.nan)),
    "quilts_genres": ("table", QUILT_GENRES, lambda t: t.assign(response=0.0)),
    "quilts_relative": ("tables", QUILT_INTACT, lambda t: t.assign(relative=np.nan)),
    "quilts_targets": ("tables", QUILT_RESPONSES, lambda t: t.assign(n_clips=0, response=np.nan)),
    "selective_responses": ("tables", CLIP_RESPONSES, lambda t: t[t["role"] != "target"]),
    "selectivity_by_layer": (
        "table",
        SELECTIVITY_SUMMARY,
        lambda t: t.assign(test_hedges_g=np.inf),
    ),
    "selectivity_index": ("units", UNITS, lambda t: t.assign(welch_t=0.0, selective=False)),
    # No folds, and no random sets.
    "specificity": ("networks", SPECIFICITY, lambda t: t.assign(held_out=np.nan, p=np.nan)),
    "yields": ("table", YIELD, lambda t: t[t["status"] == "ok"]),
}


@pytest.mark.parametrize("figure", DEGENERATE)
def test_figures_can_be_drawn_from_degenerate_values(tmp_path, figure):
    draw_changed(tmp_path, figure, *DEGENERATE[figure])


def test_a_corpus_without_genres_has_a_figure_that_says_so(tmp_path):
    tables = [figure_tables.genres("natural").iloc[:0]] * 2
    paths = figure_tables.written(tmp_path, "empty", tables, GENRES)
    out = draw(tmp_path, "genres", tables=paths, target=["Bird", "my_$x$"])
    assert "is marked as a genre of Bird + my_$x$" in out["svg"].read_text()


def test_quilts_of_a_corpus_without_genres_have_a_figure_that_says_so(tmp_path):
    empty = figure_tables.quilt_genres().iloc[:0]
    (path,) = figure_tables.written(tmp_path, "empty", [empty], QUILT_GENRES)
    out = draw(tmp_path, "quilts_genres", table=path)
    assert "no genre of Music + my_$target$ has two clips" in out["svg"].read_text()


@pytest.mark.parametrize(
    ("figure", "name", "columns", "change", "message"),
    [
        (
            "all_units",
            "tables",
            CLIP_RESPONSES,
            lambda t: t[(t["role"] != "target") | (t["split"] == "train")],
            r"network-1\.tsv: damaged table \(has no target or no other test clip",
        ),
        (
            "all_units",
            "summary",
            SELECTIVITY_SUMMARY,
            lambda t: t[t["condition"] != "natural"],
            r"summary-0\.tsv: damaged table \(has no row of condition natural",
        ),
        (
            "emergence",
            "tables",
            EMERGENCE,
            lambda t: t[:0],
            r"network-3\.tsv: damaged table \(has no rows",
        ),
        (
            "response_ratio",
            "table",
            SELECTIVITY_SUMMARY,
            lambda t: t[t["condition"] != "natural"],
            r"summary-0\.tsv: damaged table \(has no row of condition natural",
        ),
        (
            "specificity",
            "networks",
            SPECIFICITY,
            lambda t: t.assign(withheld_by="no-things"),
            r"condition-1\.tsv: damaged table \(has no row of the target",
        ),
        (
            "acoustics",
            "table",
            SELECTIVITY_SUMMARY,
            lambda t: t[t["condition"] != "natural"],
            r"summary-0\.tsv: damaged table \(has no row of condition natural",
        ),
        (
            "average_precision",
            "table",
            RECOGNITION_SUMMARY,
            lambda t: t[t["condition"] != "natural"],
            r"summary-0\.tsv: damaged table \(has no row of condition natural",
        ),
        (
            "claims",
            "claims",
            VERDICTS,
            lambda t: t[t["claim"] != "lesion"],
            r"claims-0\.tsv: damaged table \(lacks lesion",
        ),
        (
            "class_responses",
            "tables",
            CLASS_RESPONSES,
            lambda t: t[::-1],
            r"network-1\.tsv: damaged table \(its classes are not those of .*network-0\.tsv",
        ),
        (
            "class_responses",
            "tables",
            CLASS_RESPONSES,
            lambda t: t.assign(response=np.nan),
            r"network-1\.tsv: has no class with a response",
        ),
        (
            "decoding",
            "tables",
            DECODING,
            lambda t: t[t["features"] != "units"],
            r"network-3\.tsv: damaged table \(has no row of units",
        ),
        (
            "decoding_features",
            "tables",
            DECODING,
            lambda t: t[t["features"] == "units"],
            r"network-3\.tsv: damaged table \(has no row of all units",
        ),
        (
            "embedding",
            "segregation",
            SEGREGATION,
            lambda t: t[:0],
            r"index-3\.tsv: damaged table \(has no rows",
        ),
        (
            "example_spectrograms",
            "clips",
            CLIPS,
            lambda t: t[1:],
            r"index-0\.tsv: damaged table \(clip clip-0-0 is not in .*clips-0\.tsv",
        ),
        (
            "example_spectrograms",
            "clips",
            CLIPS,
            lambda t: t.assign(labels="/m/00;/m/10"),
            r"index-0\.tsv: no clip has all its labels in one branch",
        ),
        (
            "example_spectrograms",
            "index",
            INDEX,
            lambda t: t.assign(row=t["row"][::-1].to_numpy()),
            r"00000\.h5: damaged spectrogram shard \(row \d is not clip clip-",
        ),
        (
            "preferred_stimuli",
            "top",
            TOP_CLIPS,
            lambda t: t.assign(clip_id="clip-9-9"),
            r"top-0\.tsv: damaged table \(clip clip-9-9 is not in .*index-0\.tsv",
        ),
        (
            "learning_curves",
            "histories",
            HISTORY,
            lambda t: t[:0],
            r"network-3\.tsv: damaged table \(holds no epoch",
        ),
        (
            "lesions",
            "tables",
            LESIONS,
            lambda t: t[t["lesion"] != "norm"],
            r"network-3\.tsv: damaged table \(lacks some of the lesions none, bottom, top",
        ),
        (
            "lesion_classes",
            "tables",
            LESION_CLASSES,
            lambda t: t[t["lesion"] == "none"],
            r"classes-0\.tsv: damaged table \(has no lesion of the top units",
        ),
        (
            "quilts",
            "tables",
            QUILT_RESPONSES,
            lambda t: t[:0],
            r"condition-1\.tsv: damaged table \(has no row",
        ),
        (
            "quilts_relative",
            "tables",
            QUILT_INTACT,
            lambda t: t.assign(split="train"),
            r"condition-1\.tsv: damaged table \(has no row",
        ),
        (
            "quilts_targets",
            "tables",
            QUILT_RESPONSES,
            lambda t: t[:0],
            r"target-1\.tsv: damaged table \(has no row",
        ),
        (
            "levels",
            "tables",
            LEVELS,
            lambda t: t[t["group"] == "least"],
            r"condition-1\.tsv: damaged table \(has no row",
        ),
        (
            "selective_responses",
            "tables",
            CLIP_RESPONSES,
            lambda t: t[t["role"] == "mixed"],
            r"network-3\.tsv: damaged table \(has neither target nor other clips",
        ),
        (
            "selectivity_by_layer",
            "table",
            SELECTIVITY_SUMMARY,
            lambda t: t[t["condition"] != "natural"],
            r"summary-0\.tsv: damaged table \(has no row of condition natural",
        ),
        (
            "selectivity_index",
            "units",
            UNITS,
            lambda t: t[t["layer"] != "avgpool"],
            r"network-3\.tsv: has no unit of layer avgpool with an index",
        ),
        (
            "yields",
            "table",
            YIELD,
            lambda t: t[:0],
            r"yield-0\.tsv: damaged table \(counts no clip",
        ),
    ],
)
def test_a_table_that_cannot_be_drawn_is_named(tmp_path, figure, name, columns, change, message):
    with pytest.raises(InputError, match=message):
        draw_changed(tmp_path, figure, name, columns, change)
    assert not (tmp_path / "figure.svg").exists() and not (tmp_path / "figure.png").exists()
