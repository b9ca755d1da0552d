"""The figure of example spectrograms."""

import numpy as np
import pytest
from torchaudio.functional import melscale_fbanks

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.figures.example_spectrograms import (
    Example,
    MelAxes,
    choose,
    example_spectrograms,
    plot_example_spectrograms,
)
from music_detectors.spectrograms.columns import INDEX
from support import figure_tables

MEL = MelAxes(f_min=0.0, f_max=8000.0, n_mels=64, frames=100, seconds_per_frame=275 / 22050)


def _index(clips, frames=100, short=()):
    index = clips[["clip_id", "shard"]].assign(row=np.arange(len(clips)), n_frames=frames)
    index.loc[index["clip_id"].isin(short), "n_frames"] = frames // 2
    return index.assign(mids=clips["labels"].str.split(";"))


def test_rows_are_where_torchaudio_puts_its_filters():
    # Filters over a fine grid of frequencies peak at their centres, 1 Hz apart here.
    filters = melscale_fbanks(8001, 0.0, 8000.0, 64, 16000).numpy()
    for row, centre in enumerate(filters.argmax(axis=0)):
        # A band is at least 20 Hz wide, so half a hertz is less than 0.03 rows.
        assert MEL.row_of(float(centre)) == pytest.approx(row, abs=0.03)


def test_examples_differ_in_class_and_bear_few_labels():
    classes, clips = figure_tables.corpus(classes_per_branch=3)
    chosen = choose(_index(clips), classes)
    assert list(chosen) == list(dict.fromkeys(classes["branch"]))
    for branch, rows in chosen.items():
        mids = classes.loc[classes["branch"] == branch, "mid"]
        # Three classes, then the second clip of the first again; no clip of two branches.
        assert [mid for (mid,) in rows["mids"]] == [*mids, mids.iloc[0]]


def test_whole_clips_come_before_cut_ones():
    classes, clips = figure_tables.corpus(branches=("Music",), classes_per_branch=1)
    chosen = choose(_index(clips, short=["clip-0-0"]), classes)["Music"]
    assert chosen["clip_id"].iloc[0] == "clip-0-1"
    assert chosen["clip_id"].iloc[-1] == "clip-0-0"


def test_branches_without_clips_are_left_out():
    classes, clips = figure_tables.corpus()
    kept = clips[clips["role"] == "other"]
    assert "Music" not in choose(_index(kept), classes)


def test_panels_share_axes_and_scale():
    random = np.random.default_rng(3)
    spectrograms = [random.normal(-40, 10, (64, n)).astype(np.float32) for n in (100, 100, 60)]
    examples = {
        "Music": [Example("Flute, $5$", spectrograms[0]), Example("x" * 60, spectrograms[1])],
        "Animal": [Example("Dog", spectrograms[2])],
    }
    figure = example_spectrograms(examples, MEL)
    flute, long, dog, empty, bar = figure.axes
    assert flute.get_title("left") == "Flute, $5$"
    assert len(long.get_title("left")) == 27
    assert flute.get_ylabel() == "Music" and dog.get_ylabel() == "Animal"
    assert not empty.axison
    limits = np.percentile(np.concatenate([s.ravel() for s in spectrograms]), (5, 99.5))
    for axes in (flute, long, dog):
        # float16 and float32 hold the same values; the percentiles are of float32.
        assert axes.images[0].get_clim() == pytest.approx(tuple(limits), rel=1e-6)
    assert dog.images[0].get_extent()[1] == pytest.approx(60 * 275 / 22050)
    assert flute.get_xlim() == dog.get_xlim() == pytest.approx((0, 100 * 275 / 22050))
    assert figure.get_supxlabel() == "Time (s)"
    assert figure.get_supylabel() == "Mel band centre (kHz)"
    assert bar.get_ylabel() == "Power (dB)"
    assert [label.get_text() for label in flute.get_yticklabels()] == ["0.5", "1", "2", "4", "8"]


@pytest.fixture
def stored(tmp_path):
    classes, clips = figure_tables.corpus(per_class=1, branches=("Music", "Animal"))
    index = figure_tables.spectrogram_shard(tmp_path / "00000.h5", clips)
    write_table(tmp_path / "index.tsv", index, INDEX)
    write_table(tmp_path / "clips.tsv", clips, CLIPS)
    write_table(tmp_path / "classes.tsv", classes, CLASSES)
    return tmp_path


def _plot(folder):
    paths = {name: folder / f"{name}.tsv" for name in ("index", "clips", "classes")}
    plot_example_spectrograms(**paths, svg=folder / "a.svg", png=folder / "a.png")


def test_it_is_drawn_from_the_shards_beside_the_index(stored):
    _plot(stored)
    svg = (stored / "a.svg").read_text()
    assert svg.count("<image") >= 6
    assert ">Animal, kind 2</text>" in svg


def test_a_clip_that_is_not_in_the_corpus_is_named(stored):
    _, clips = figure_tables.corpus(per_class=1, branches=("Music",))
    write_table(stored / "clips.tsv", clips, CLIPS)
    with pytest.raises(
        InputError, match=r"index\.tsv: damaged table \(clip clip-3-0 is not in .*clips\.tsv"
    ):
        _plot(stored)


def test_an_index_that_does_not_fit_its_shard_is_refused(stored):
    _, clips = figure_tables.corpus(per_class=1, branches=("Music", "Animal"))
    figure_tables.spectrogram_shard(stored / "00000.h5", clips[::-1])
    with pytest.raises(
        InputError, match=r"00000\.h5: damaged spectrogram shard \(row 0 is not clip clip-0-0"
    ):
        _plot(stored)


def test_a_missing_shard_is_named(stored):
    (stored / "00000.h5").unlink()
    with pytest.raises(InputError, match=r"00000\.h5: missing"):
        _plot(stored)


def test_a_corpus_whose_clips_all_cross_branches_is_refused(stored):
    _, clips = figure_tables.corpus(per_class=1, branches=("Music", "Animal"))
    clips["labels"] = "/m/00;/m/10"
    write_table(stored / "clips.tsv", clips, CLIPS)
    with pytest.raises(InputError, match=r"index\.tsv: no clip has all its labels in one branch"):
        _plot(stored)
