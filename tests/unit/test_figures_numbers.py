"""The numbers that figures draw and that are not in a table already."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from torchaudio.functional import melscale_fbanks

from music_detectors.claims.assess import estimates_table
from music_detectors.claims.columns import CLAIMS, WHOLE
from music_detectors.claims.inference import claims_table
from music_detectors.figures import (
    class_responses,
    decoding,
    decoding_features,
    decoding_genres,
    embedding,
    lesion_classes,
    lesion_dose,
    lesions,
    levels,
    log_mels,
    quilts,
    quilts_genres,
    quilts_relative,
    quilts_targets,
    selective_responses,
    selectivity_by_layer,
    selectivity_index,
    yields,
)
from music_detectors.figures.acoustics import shares_left
from music_detectors.figures.average_precision import average_precision, ratios_to_chance
from music_detectors.figures.claims import claims_figure, in_smallest_effects, shown
from music_detectors.figures.genres import significantly_above, sorted_genres
from music_detectors.figures.learning_curves import kept_epoch, mean_by_epoch
from music_detectors.figures.style import TARGET, condition_colours
from music_detectors.lesions.columns import LESIONS
from music_detectors.quilts.columns import QUILT_CONDITIONS, QUILT_INTACT
from music_detectors.spectrograms.examples import choose
from support import figure_tables, lesion_tables
from support.claim_tables import Tables


def test_acoustics_share_left_is_that_of_the_difference():
    table = figure_tables.selectivity_summary(["natural", "untrained"])
    # Shares are 0.62 to 0.70; the interval of the untrained networks' effect contains zero.
    found = shares_left(table[table["layer"] == "avgpool"], ["natural", "untrained"])
    assert found == pytest.approx([0.66, np.nan], nan_ok=True)


def test_average_precision_over_chance_leaves_out_zeros():
    cell = pd.DataFrame({"mean_average_precision": [0.2, 0.0, 0.3], "chance": 0.1})
    assert ratios_to_chance(cell) == pytest.approx([2, 3])


def test_networks_on_labels_without_meaning_are_beside_the_mark_of_memorised_labels():
    table = figure_tables.recognition_summary(["natural", "shuffled"], 3)
    for relabelled, marks in ((["shuffled"], [(0.55, 1.45)]), ([], [])):
        figure = average_precision(table, ["natural", "shuffled"], relabelled, "Music")
        lines = [line for line in figure.axes[0].lines if set(line.get_ydata()) == {0.95}]
        assert [tuple(line.get_xdata()) for line in lines] == [pytest.approx(at) for at in marks]
        assert ("labels memorised (0.95)" in _legend(figure)) == bool(relabelled)


def test_average_precision_of_test_clips_has_intervals_over_clips():
    table = figure_tables.recognition_summary(["natural"], 3)
    test = (table["clips"] == "test") & (table["group"] == "natural")
    for name, shift in (("low", -0.03), ("high", 0.05)):
        column = f"mean_average_precision_{name}"
        table.loc[test, column] = table.loc[test, "mean_average_precision"] + shift
    figure = average_precision(table, ["natural"], [], "Music")
    trained_on, on_test = (
        [path.vertices[:, 1] for bars in axes.collections for path in bars.get_paths()]
        for axes in figure.axes[:2]
    )
    drawn = [ends for ends in on_test if np.isfinite(ends).all()]
    expected = table.loc[test, ["mean_average_precision_low", "mean_average_precision_high"]]
    np.testing.assert_allclose(drawn, expected)
    assert not any(np.isfinite(ends).all() for ends in trained_on)


def _legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_classes_are_sorted_by_their_mean_response():
    tables = [figure_tables.class_responses("natural", seed) for seed in (1, 2, 3)]
    tables[0].loc[0, "response"] = np.nan
    classes, by_network = class_responses.sorted_classes(tables)
    # The last of the 36 classes has no test clip.
    assert len(classes) == 35
    responses = np.column_stack([table["response"] for table in tables])[:35]
    mean = pd.Series(np.nanmean(responses, axis=1), tables[0]["name"][:35])
    assert list(classes["name"]) == list(mean.sort_values(ascending=False).index)
    assert classes["response"].to_numpy() == pytest.approx(np.nanmean(by_network, axis=1))


def test_decoding_scores_are_ordered_by_block():
    table = figure_tables.decoding("natural", seeds=2, blocks=3, block_size=6)
    shuffled = table.sample(frac=1, random_state=0)
    by_block = decoding.scores_by_block(shuffled)
    assert list(by_block.index) == ["1–6", "7–12", "13–18"]
    units = table[table["features"] == "units"]
    assert by_block.to_numpy().T.ravel() == pytest.approx(units["average_precision"].to_numpy())


def test_decoding_from_all_units_shows_every_set_of_features():
    tables = {
        name: figure_tables.decoding(name, seeds=3, fixed=["bank", "pca"] if name != "bank" else [])
        for name in ("natural", "bank")
    }
    axes = decoding_features.decoding_features(tables, "Music").axes[0]
    # The means, each at its place.
    means = {
        round(float(line.get_xdata()[0]), 3): float(line.get_ydata()[0])
        for line in axes.lines
        if len(line.get_xdata()) == 1
    }
    for name, features, at in (
        ("natural", "all units", -0.25),
        ("natural", "all units and bank", 0),
        ("natural", "all units and pca", 0.25),
        ("bank", "all units", 1),
    ):
        rows = tables[name][tables[name]["features"] == features]
        assert means.pop(at) == pytest.approx(rows["average_precision"].mean()), features
    assert not means


def test_decoding_by_genre_is_ordered_by_the_first_block():
    table = figure_tables.decoding("natural", seeds=2, blocks=3, genres=["/m/b", "/m/a"])
    # The second genre is decoded best.
    raised = (table["genre"] == "/m/a") & (table["features"] == "units")
    table.loc[raised, "average_precision"] += 0.1
    names = pd.Series({"/m/a": "A", "/m/b": "B"})
    genres = decoding_genres.scores_by_genre(table, names)
    assert list(genres["name"]) == ["A", "B"]
    of_b = table[table["genre"] == "/m/b"]
    units = of_b[of_b["features"] == "units"].set_index("first_rank")["average_precision"]
    assert genres["first"][1] == units[1].tolist()
    assert genres["others"][1] == pytest.approx([units[33].mean(), units[65].mean()])
    whole = of_b.loc[of_b["features"] == "all units", "average_precision"]
    assert genres["whole"][1] == pytest.approx(whole.mean())
    assert genres["chance"].tolist() == [0.02, 0.02]


def _grid(xy, cells, margin=0.6):
    low, high = xy.min(axis=0), xy.max(axis=0)
    room = margin * (high - low)
    return [np.linspace(*ends, cells + 1) for ends in zip(low - room, high + room, strict=True)]


def test_embedding_density_equals_scipys():
    random = np.random.default_rng(0)
    xy = random.multivariate_normal([3, -2], [[40, 12], [12, 6]], 300)
    edges = _grid(xy, cells=320)
    found = embedding.density(xy, edges)
    centres = [(along[1:] + along[:-1]) / 2 for along in edges]
    mesh = np.meshgrid(*centres, indexing="ij")
    expected = stats.gaussian_kde(xy.T)(np.stack([axis.ravel() for axis in mesh]))
    expected = expected.reshape(found.shape) / expected.sum()
    assert found.sum() == pytest.approx(1)
    # Points are moved to the centre of their cell.
    np.testing.assert_allclose(found, expected, atol=0.02 * expected.max())


def test_embedding_lines_enclose_their_share_of_a_normal_distribution():
    # The share p of a normal distribution in the plane is within the radius sqrt(-2 log(1 - p)).
    along = np.linspace(-6, 6, 601)
    x, y = np.meshgrid(along, along)
    cells = np.exp(-(x**2 + y**2) / 2)
    levels = embedding.iso_proportion_levels(cells, embedding.SHARES)
    for share, level in zip(embedding.SHARES, levels, strict=True):
        radius = np.sqrt(-2 * np.log(1 - share))
        assert level == pytest.approx(np.exp(-(radius**2) / 2), rel=0.01)
        assert cells[cells >= level].sum() / cells.sum() == pytest.approx(share, abs=0.001)


@pytest.mark.parametrize(
    "xy",
    [np.zeros((5, 2)), np.array([[0.0, 1.0]]), np.stack([np.arange(9.0)] * 2, axis=1)],
    ids=["one place", "one point", "a line"],
)
def test_embedding_points_without_an_area_have_a_density(xy):
    cells = embedding.density(xy, [np.linspace(-3, 12, 101)] * 2)
    assert np.isfinite(cells).all() and cells.sum() == pytest.approx(1)
    assert np.unravel_index(cells.argmax(), cells.shape) != (0, 0)


def test_the_coarse_index_is_shown_only_where_its_bins_differ():
    table = pd.DataFrame({"coarse_bins": [9, 9]})
    assert list(embedding.index_titles({"natural": table})) == ["", "coarse_"]
    assert list(embedding.index_titles({"natural": table.assign(coarse_bins=64)})) == [""]


def test_spectrogram_rows_agree_with_torchaudios_filters():
    mel = log_mels.MelAxes(0.0, 8000.0, 64, 100, 275 / 22050)
    # On a grid of 1 Hz, each filter peaks at its centre frequency.
    filters = melscale_fbanks(8001, 0.0, 8000.0, 64, 16000).numpy()
    for row, centre in enumerate(filters.argmax(axis=0)):
        # A band is at least 20 Hz wide, so half a hertz is less than 0.03 rows.
        assert mel.row_of(float(centre)) == pytest.approx(row, abs=0.03)


def _index(clips, frames=100, short=()):
    index = clips[["clip_id", "shard"]].assign(row=np.arange(len(clips)), n_frames=frames)
    index.loc[index["clip_id"].isin(short), "n_frames"] = frames // 2
    return index.assign(mids=clips["labels"].str.split(";"))


def test_example_clips_have_different_classes_and_few_labels():
    classes, clips = figure_tables.corpus(classes_per_branch=3)
    chosen = choose(_index(clips), classes)
    assert list(chosen) == list(dict.fromkeys(classes["branch"]))
    for branch, rows in chosen.items():
        mids = classes.loc[classes["branch"] == branch, "mid"]
        # Three classes, then the second clip of the first one; no clip with labels of two branches.
        assert [mid for (mid,) in rows["mids"]] == [*mids, mids.iloc[0]]
    without_music = clips[clips["role"] == "other"]
    assert "Music" not in choose(_index(without_music), classes)


def test_complete_example_clips_come_before_short_ones():
    classes, clips = figure_tables.corpus(branches=("Music",), classes_per_branch=1)
    chosen = choose(_index(clips, short=["clip-0-0"]), classes)["Music"]
    assert chosen["clip_id"].iloc[0] == "clip-0-1"
    assert chosen["clip_id"].iloc[-1] == "clip-0-0"


def test_genres_are_sorted_by_the_first_condition_and_those_without_clips_come_last():
    table, other = figure_tables.genres("natural"), figure_tables.genres("full")
    table.loc[table["mid"] == "/m/1", "hedges_g"] = np.nan
    # An infinite effect of one network does not count.
    table.loc[(table["mid"] == "/m/2") & (table["seed"] == 1), "hedges_g"] = np.inf
    finite = table[np.isfinite(table["hedges_g"])]
    mean = finite.groupby("mid")["hedges_g"].mean().sort_values(ascending=False)
    assert list(sorted_genres([table, other])["mid"]) == [*mean.index, "/m/1"]


def test_a_genre_is_significantly_above_only_with_a_positive_effect():
    networks = pd.DataFrame({"p_holm": [0.01, 0.01, 0.2], "hedges_g": [1.0, -2.0, 1.0]})
    assert significantly_above(networks).tolist() == [True, False, False]


def test_the_kept_epoch_is_the_first_with_the_best_validation():
    history = figure_tables.history("natural", 1, epochs=4)
    history["validation_map"] = [0.1, 0.4, 0.4, 0.2]
    assert kept_epoch(history, last=False) == (2, 0.4)
    assert kept_epoch(history, last=True) == tuple(history.iloc[-1][["epoch", "validation_map"]])
    assert kept_epoch(history.assign(validation_map=np.nan), last=True) is None


def test_learning_curves_are_averaged_by_epoch():
    tables = [figure_tables.history("natural", seed) for seed in (1, 2)]
    expected = (tables[0]["loss"] + tables[1]["loss"]) / 2
    assert mean_by_epoch(tables, "loss").to_numpy() == pytest.approx(expected.to_numpy())


def _lesions(condition="natural"):
    table = lesion_tables.lesions(condition)
    return table.assign(random=table["lesion"].str.startswith("random"))


def _on(clips, table):
    return table[(table["group"] == "natural") & (table["clips"] == clips)]


def test_lesions_at_the_nearest_fraction_are_shown():
    table = _lesions()
    assert lesions.nearest(table, 0.125) == lesions.nearest(table, 0.2) == 0.125
    assert lesions.nearest(table, 0.001) == 0.03125
    # The smaller one of a tie.
    assert lesions.nearest(table, (0.125 + 0.5) / 2) == 0.125


def test_random_lesions_are_summarised_for_each_network():
    table = _on("all", _lesions())
    table = table[table["fraction"] == 0.125]
    found = lesions.random_quantiles(table)
    for seed in (1, 2, 3):
        random = table[table["random"] & (table["seed"] == seed)]["mean_average_precision"]
        assert found.loc[seed].to_numpy() == pytest.approx(np.quantile(random, [0.025, 0.5, 0.975]))
    table.loc[table["lesion"] == "norm", "percentile"] = [0.9, 0.25, 0.1]
    assert lesions.median_percentiles(table)["norm"] == "25%"


@pytest.mark.parametrize("clips", ["all", "other"])
def test_matched_units_have_the_mean_of_their_draws(clips):
    table = _on(clips, _lesions())
    intact = table[table["lesion"] == "none"].set_index("seed")["mean_average_precision"]
    table = table[table["fraction"].isin([0, 0.125])]
    found = lesions.precision_after(table, "matched-drive")
    assert found.to_numpy() == pytest.approx(intact.to_numpy() - 0.2 * 0.125)
    figure = lesions.lesions({"natural": _lesions()}, 0.125)
    bars = figure.axes[list(lesions.CLIPS).index(clips)].patches
    assert [bar.get_height() for bar in bars] == pytest.approx(
        [
            lesions.precision_after(table, name).mean()
            for name in ("none", "bottom", "top", "middle", "norm", "matched-drive")
        ]
    )


def test_lesion_changes_by_fraction_are_averaged_over_networks():
    table = _on("other", _lesions())
    top = lesion_dose.changes(table, "top")
    assert list(top.index) == list(lesion_tables.FRACTIONS) and list(top.columns) == [1, 2, 3]
    random = table[table["random"] & (table["fraction"] == 0.5)]
    by_network = random.groupby("seed")["change"]
    low, high = (by_network.quantile(q).mean() for q in (0.025, 0.975))
    expected = [low, by_network.mean().mean(), high]
    assert lesion_dose.random_changes(table).loc[0.5].to_numpy() == pytest.approx(expected)


def test_a_single_share_of_lesions_is_seen_without_lines():
    table = _lesions()
    figure = lesion_dose.lesion_dose({"natural": table[table["fraction"] == 0.5]}, "Music")
    shown = [axes for axes in figure.axes if axes.axison]
    assert shown
    for axes in shown:
        points = [line for line in axes.lines if len(line.get_xdata()) == 1]
        # Networks and means of each kind of lesion, and the mean of the random ones.
        assert len(points) > 4
        assert all(line.get_marker() not in ("None", "none", None, "") for line in points)
        (band,) = axes.collections
        low, high = band.get_segments()[0][:, 1]
        assert high > low


def test_classes_are_sorted_by_the_effect_of_the_top_lesion():
    table = lesion_tables.lesion_classes()
    classes, by_network = lesion_classes.sorted_classes(table, 0.125)
    top = table[(table["lesion"] == "top") & (table["fraction"] == 0.125)]
    # Classes of the target and the class without test clips are left out.
    top = top[(top["group"] == "natural") & (top["n_positive"] > 0)]
    mean = top.groupby("name")["change"].mean().sort_values()
    assert list(classes["name"]) == list(mean.index)
    assert classes["change"].to_numpy() == pytest.approx(mean.to_numpy())
    first = top[top["seed"] == 1].set_index("name")["change"][mean.index]
    assert by_network[1].to_numpy() == pytest.approx(first.to_numpy())
    # The mean of the random lesions is 0.01 below the intact one, their standard deviation 0.02.
    assert classes["random_low"].to_numpy() == pytest.approx(-0.05)
    assert classes["random_high"].to_numpy() == pytest.approx(0.03)


def test_lesion_tables_of_networks_are_joined_by_condition(tmp_path):
    table = lesion_tables.lesions("natural")
    parts = [of_network for _, of_network in table.groupby("seed")]
    paths = figure_tables.written(tmp_path, "natural", parts, LESIONS)
    networks = [("natural", seed) for seed in table["seed"].unique()]
    joined = lesions.read_lesions(paths, networks)["natural"]
    keys = ["seed", "group", "clips", "lesion", "fraction"]
    pd.testing.assert_frame_equal(
        joined.sort_values(keys, ignore_index=True)[list(LESIONS)],
        table.sort_values(keys, ignore_index=True)[list(LESIONS)],
        check_dtype=False,
    )


def test_quilt_responses_are_ordered_by_length_with_intact_clips_last():
    table = figure_tables.quilt_responses("natural", seeds=2, lengths=(400, 50))
    found = quilts.responses_by_length(table[table["group"] == "most"], "target")
    assert list(found.index) == [50, 400, np.inf]
    intact = table[table["segment_ms"].isna() & (table["seed"] == 2)]
    intact = intact[(intact["group"] == "most") & (intact["role"] == "target")]
    assert found.loc[np.inf, 2] == intact["response"].item()


def drawn_lines(figure, colour):
    """The y values of the thick lines of a colour in each panel."""
    return [
        [
            line.get_ydata()
            for line in axes.lines
            if line.get_color() == colour and line.get_lw() > 1
        ]
        for axes in figure.axes
    ]


def test_relative_responses_are_means_of_networks_and_asterisks_those_that_differ():
    tables = {name: figure_tables.quilt_intact(name) for name in ("natural", "shuffled")}
    shown = {name: quilts_relative.shown(table) for name, table in tables.items()}
    compared = quilts_relative.shown(figure_tables.quilt_conditions("natural", ["shuffled"]))
    figure = quilts_relative.quilts_relative(shown, compared, "natural", "avgpool", "Music")
    colours = condition_colours(["natural", "shuffled"])
    for name, table in tables.items():
        most = table[(table["group"] == "most") & (table["role"] == "target")]
        expected = most.groupby("segment_ms")["relative"].mean()
        np.testing.assert_allclose(drawn_lines(figure, colours[name])[0][0], expected)
    (asterisk,) = [text for text in figure.axes[0].texts if text.get_text() == "*"]
    assert asterisk.xy[0] == np.log2(50)


def test_conditions_without_ratios_are_left_out_of_relative_responses(tmp_path):
    tables = [figure_tables.quilt_intact(name) for name in ("natural", "pca", "shuffled")]
    tables[1]["relative"] = np.nan
    paths = figure_tables.written(tmp_path, "intact", tables, QUILT_INTACT)
    compared = figure_tables.quilt_conditions("natural", ["pca", "shuffled"])
    (comparisons,) = figure_tables.written(tmp_path, "conditions", [compared], QUILT_CONDITIONS)
    quilts_relative.plot_quilts_relative(
        paths,
        comparisons,
        ["natural", "pca", "shuffled"],
        "natural",
        "avgpool",
        "Music",
        svg=tmp_path / "a.svg",
        png=tmp_path / "a.png",
    )
    drawn = (tmp_path / "a.svg").read_text()
    assert "shuffled" in drawn and "pca" not in drawn


def test_quilts_of_genres_are_relative_to_the_same_clips_intact():
    table = figure_tables.quilt_genres(seeds=2, n=3)
    found = quilts_genres.relative_by_genre(table)
    # The last genre has a single clip.
    assert list(found) == ["Genre 0 $x$", "Genre 1 $x$"]
    most = table[(table["group"] == "most") & (table["mid"] == "/m/1") & (table["seed"] == 2)]
    response = most.set_index("stimulus")["response"]
    row = found["Genre 1 $x$"].query("seed == 2 and segment_ms == 400")
    assert row["relative"].item() == pytest.approx(response["quilt-400ms"] / response["intact"])


def test_levels_are_drawn_loudest_first_as_means_of_networks():
    tables = {name: figure_tables.levels(name) for name in ("natural", "untrained")}
    most = {name: table[table["group"] == "most"] for name, table in tables.items()}
    figure = levels.responses_by_level(most, "avgpool", "Music")
    colours = condition_colours(list(tables))
    for name, table in most.items():
        lines = drawn_lines(figure, colours[name])
        for panel, column in zip(lines, ("ratio", "hedges_g"), strict=True):
            expected = [table.loc[table["level_db"] == db, column].mean() for db in (0, -6, -18)]
            np.testing.assert_allclose(panel[0], expected)
    assert figure.axes[0].get_xlim()[0] > figure.axes[0].get_xlim()[1]


def test_quilts_of_targets_are_means_of_networks():
    table = figure_tables.quilt_responses("natural", seeds=3)
    most = table[table["group"] == "most"]
    figure = quilts_targets.quilts_of_targets({"Music": most, "Speech": most}, "natural", "avgpool")
    rows = most[(most["role"] == "target") & most["segment_ms"].notna()]
    expected = rows.groupby("segment_ms")["response"].mean()
    for panel in drawn_lines(figure, TARGET):
        np.testing.assert_allclose(panel[0], expected)


def test_selective_responses_are_those_of_split_and_role():
    table = figure_tables.clip_responses("natural", 1)
    (found,) = selective_responses.responses_of([table], "test", "target")
    assert (
        found.tolist() == table.query("split == 'test' and role == 'target'")["response"].tolist()
    )


def test_layers_are_measured_from_the_input_and_infinite_effects_left_out():
    table = figure_tables.selectivity_summary(["natural"], seeds=2)
    table.loc[table["layer"] == "fc1", "test_hedges_g"] = np.inf
    layers = list(figure_tables.LAYERS)
    found = selectivity_by_layer.by_layer(table, layers, "test_hedges_g")
    assert list(found.columns) == layers and found["fc1"].isna().all()
    assert (
        found.loc[2, "conv2"]
        == table.query("seed == 2 and layer == 'conv2'")["test_hedges_g"].item()
    )
    share = selectivity_by_layer.by_layer(table, layers, "significant_share")
    row = table.query("seed == 1 and layer == 'avgpool'").iloc[0]
    assert share.loc[1, "avgpool"] == 100 * row["n_significant_permutation"] / row["n_units"]


def test_index_density_equals_scipys():
    values = figure_tables.units("natural", 1, (("avgpool", 256),))["welch_t"].to_numpy()
    grid = np.linspace(values.min() - 2, values.max() + 2, 600)
    scale = min(values.std(), stats.iqr(values) / 1.349)
    bandwidth = max(0.9 * scale * 256**-0.2, 2 * (grid[1] - grid[0]))
    reference = stats.gaussian_kde(values, bandwidth / values.std(ddof=1))(grid)
    assert selectivity_index.density(values, grid) == pytest.approx(reference, rel=1e-6, abs=1e-9)
    # Missing values are left out, and identical values have a finite density.
    same = selectivity_index.density(np.array([0.0, np.nan, 0.0]), np.linspace(-1, 1, 101))
    assert np.isfinite(same).all() and same.max() > 0


def test_index_thresholds_are_the_lowest_of_the_selective_units():
    table = figure_tables.units("natural", 1, (("avgpool", 256),))
    without = table.assign(selective=False)
    lowest = np.sort(table["welch_t"])[-32]
    assert selectivity_index.thresholds([table, without]) == [lowest]


def test_yield_shares_add_up_and_unknown_statuses_come_last():
    table, _ = figure_tables.yield_tables(n_classes=2)
    table["status"] = table["status"].replace("empty", "melted")
    shares = yields.status_shares(table, ["train", "test"])
    assert shares.columns[0] == "ok" and shares.columns[-1] == "melted"
    assert shares.sum(axis=1).to_numpy() == pytest.approx([1, 1])


def test_unusable_clips_are_counted_by_reason_and_rare_reasons_taken_together():
    table, _ = figure_tables.yield_tables(n_classes=2)
    counts = yields.unusable_by_reason(table)
    assert counts.index[0] == "unavailable: private video"
    assert counts.index[-1] == "3 further reasons" and len(counts) == 13
    unusable = table[(table["class"] == "*") & ~table["status"].isin(["ok", "short"])]
    assert counts.to_numpy().sum() == unusable["clips"].sum()
    lossless, _ = figure_tables.yield_tables(n_classes=3, lossless=True)
    assert yields.unusable_by_reason(lossless).empty


def test_classes_are_sorted_by_their_usable_share():
    table, _ = figure_tables.yield_tables(n_classes=3)
    lost = (table["class"] == "/m/1") & table["status"].isin(["ok", "short"])
    classes = yields.usable_by_class(table[~lost], "train")
    assert classes.index[0] == "/m/1" and classes["usable"].iloc[0] == 0
    assert classes["usable"].is_monotonic_increasing
    rows = table[(table["class"] == "/m/2") & (table["split"] == "train")]
    usable = rows.loc[rows["status"].isin(["ok", "short"]), "clips"].sum()
    assert classes.loc["/m/2", "usable"] == usable / rows["clips"].sum()


def test_claims_are_drawn_in_smallest_effects_beside_the_articles_values():
    without = [Tables(draw=block) for block in range(3)]
    parts = Tables().parts(without=without)
    table = claims_table(parts, alpha=0.05, min_networks=5)
    rows = shown(table)
    assert list(dict.fromkeys(rows["claim"])) == list(CLAIMS)
    # Every needed part, and of the others those that the article has a value for.
    left = table[~table.index.isin(rows.index)]
    assert not left["needed"].any() and (left["article_value"] == "").all()
    assert ("temporal", "rise, other sounds") in set(zip(rows["claim"], rows["part"], strict=True))
    assert list(in_smallest_effects(np.array([0.3, -0.1, np.nan]), 0.1))[:2] == pytest.approx(
        [3, -1]
    )
    # Without a smallest effect, the largest value has length one.
    assert in_smallest_effects(np.array([1.0, -2.0]), 0.0) == pytest.approx([0.5, -1])
    figure = claims_figure(table, estimates_table(parts))
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    row = table[(table["claim"] == "selective") & (table["part"] == "effect")].iloc[0]
    place = texts.index("2.07  Fig. 2b")
    assert texts[place - 1] == f"{row['here']:.3g}"
    assert texts[place - 2].startswith(f"{row['estimate']:.3f}"[:4])
    first = rows[rows["part"] != WHOLE].iloc[0]
    means = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "D"]
    assert means[0] == pytest.approx(first["estimate"] / first["smallest_effect"])
    # Both intervals, that over networks and sounds and that over networks alone.
    drawn = [list(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2]
    for ends in (["low", "high"], ["networks_low", "networks_high"]):
        scaled = (first[ends] / first["smallest_effect"]).tolist()
        assert any(line == pytest.approx(scaled) for line in drawn)
