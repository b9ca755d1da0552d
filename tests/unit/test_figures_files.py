"""What every figure is on disk: an SVG with text, a PNG, and the same bytes from the same input."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from music_detectors.audio.columns import SPLIT_YIELD, YIELD
from music_detectors.common.tables import write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.figures.average_precision import plot_average_precision
from music_detectors.figures.class_responses import plot_class_responses
from music_detectors.figures.example_spectrograms import plot_example_spectrograms
from music_detectors.figures.learning_curves import plot_learning_curves
from music_detectors.figures.selective_responses import plot_selective_responses
from music_detectors.figures.selectivity_index import plot_selectivity_index
from music_detectors.figures.yields import plot_yields
from music_detectors.recognition.columns import RECOGNITION_SUMMARY
from music_detectors.selectivity.columns import CLASS_RESPONSES, CLIP_RESPONSES, UNITS
from music_detectors.spectrograms.columns import INDEX
from music_detectors.training.columns import HISTORY
from support import figure_tables

CONDITIONS = ["natural", "untrained"]
NETWORKS = figure_tables.networks(CONDITIONS, seeds=2)


def _tables(folder, make, columns, networks=NETWORKS):
    paths = []
    for condition, seed in networks:
        paths.append(folder / f"{condition}-{seed}.tsv")
        write_table(paths[-1], make(condition, seed), columns)
    return paths


def _example_spectrograms(folder, **out):
    classes, clips = figure_tables.corpus(per_class=1, branches=("Music", "Animal"))
    index = figure_tables.spectrogram_shard(folder / "00000.h5", clips, short=["clip-0-0"])
    write_table(folder / "index.tsv", index, INDEX)
    write_table(folder / "clips.tsv", clips, CLIPS)
    write_table(folder / "classes.tsv", classes, CLASSES)
    tables = {name: folder / f"{name}.tsv" for name in ("index", "clips", "classes")}
    plot_example_spectrograms(**tables, **out)


def _learning_curves(folder, **out):
    plot_learning_curves(_tables(folder, figure_tables.history, HISTORY), NETWORKS, **out)


def _average_precision(folder, **out):
    path = folder / "summary.tsv"
    write_table(path, figure_tables.recognition_summary(CONDITIONS, 2), RECOGNITION_SUMMARY)
    plot_average_precision(path, CONDITIONS, "Music", **out)


def _selective_responses(folder, **out):
    tables = _tables(folder, figure_tables.clip_responses, CLIP_RESPONSES)
    plot_selective_responses(tables, NETWORKS, "avgpool", "Music", **out)


def _class_responses(folder, **out):
    tables = _tables(folder, figure_tables.class_responses, CLASS_RESPONSES, NETWORKS[:2])
    plot_class_responses(tables, "natural", ["Music"], **out)


def _selectivity_index(folder, **out):
    tables = _tables(folder, figure_tables.units, UNITS)
    plot_selectivity_index(tables, NETWORKS, "avgpool", "Music", **out)


def _yields(folder, **out):
    table, splits = figure_tables.yield_tables(n_classes=20)
    write_table(folder / "yield.tsv", table, YIELD)
    write_table(folder / "yield_splits.tsv", splits, SPLIT_YIELD)
    plot_yields(folder / "yield.tsv", folder / "yield_splits.tsv", **out)


FIGURES = {
    _yields: {"Share of the clips asked for", "80.8% usable", "train (20 classes)"},
    _example_spectrograms: {"Time (s)", "Mel band centre (kHz)", "Power (dB)", "Music, kind 1"},
    _learning_curves: {"Epoch", "natural (2 networks)", "epoch kept", "one network"},
    _average_precision: {"mAP", "mAP over chance", "Clips trained on", "Test clips", "chance"},
    _selective_responses: {"Music (120 train, 90 test clips)", "untrained", "2 networks"},
    _class_responses: {"Mean response of selective units (activation, a.u.)", "one network"},
    _selectivity_index: {"Units (% per unit of t)", "natural (2 networks of 256 units)"},
}


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__.strip("_"))
def test_both_files_hold_the_figure_and_are_the_same_again(tmp_path, draw):
    for name in ("a", "b"):
        draw(tmp_path, svg=tmp_path / "out" / f"{name}.svg", png=tmp_path / "out" / f"{name}.png")
    svg, again = (tmp_path / "out" / f"{name}.svg" for name in ("a", "b"))
    assert svg.read_bytes() == again.read_bytes()
    root = ElementTree.parse(svg).getroot()
    texts = {"".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert FIGURES[draw] <= texts
    png, again = (tmp_path / "out" / f"{name}.png" for name in ("a", "b"))
    assert png.read_bytes() == again.read_bytes()
    with Image.open(png) as image:
        pixels = np.asarray(image.convert("RGB"))
    width = pixels.shape[1]
    # 88 to 180 mm at 220 dots an inch.
    assert 760 <= width <= 1560
    assert pixels[0, 0].tolist() == [255, 255, 255]
    drawn = (pixels != 255).any(axis=2)
    assert drawn.mean() > 0.02
    # Nothing is cut off at the edges of the page.
    for edge in (drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]):
        assert not edge.any()
