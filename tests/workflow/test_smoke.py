"""The whole smoke run through Snakemake; tests/reruns is about second runs."""

import re
import shutil
import xml.etree.ElementTree
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.metrics import average_precision_score
from statsmodels.regression.linear_model import OLS

from music_detectors.acoustics.columns import ACOUSTICS, COVARIATES
from music_detectors.audio.columns import STATUS
from music_detectors.audio.level import read_level
from music_detectors.claims.columns import CLAIMS, ESTIMATES, UNDETERMINED, VERDICTS, WHOLE
from music_detectors.claims.statements import TITLES
from music_detectors.common.files import checksum_path, sha256
from music_detectors.common.hdf5 import read_text
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.withheld import read_branches, withheld_clips
from music_detectors.decoding.columns import DECODING
from music_detectors.emergence.columns import EMERGENCE
from music_detectors.levels.columns import LEVELS
from music_detectors.quilts.columns import QUILT_RESPONSES
from music_detectors.recognition.columns import AVERAGE_PRECISION, RECOGNITION_SUMMARY
from music_detectors.report.columns import EXCERPTS
from music_detectors.selectivity.columns import (
    CLASS_RESPONSES,
    CLIP_RESPONSES,
    SELECTIVITY_SUMMARY,
    UNITS,
)
from music_detectors.stimuli.making.columns import status_columns
from music_detectors.stimuli.quilting.columns import QUILT_STATUS
from music_detectors.training.columns import HISTORY, NETWORK_CLIPS
from support.browser import browser
from workflow.golden_claims import GOLDEN, stable
from workflow.snake import executed, preset, snakemake

SMOKE = preset("smoke")
WITHHELD = {
    "natural": ["Music", "Singing"],
    "full": [],
    "no-speech": ["Music", "Singing", "Speech"],
    "shuffled": ["Music", "Singing"],
    "untrained": ["Music", "Singing"],
}
NETWORKS = [(condition, seed) for condition in WITHHELD for seed in (1, 2)]
LAYERS = {"conv1": 32, "conv2": 64, "conv3": 128, "avgpool": 256, "fc1": 256}


@pytest.fixture(scope="module")
def folder(smoke, tmp_path_factory):
    return shutil.copytree(smoke, tmp_path_factory.mktemp("smoke") / "copy", symlinks=True)


@pytest.fixture(scope="module")
def results(folder):
    return folder / "results" / "smoke"


@pytest.fixture(scope="module")
def clips(results):
    return read_table(results / "corpus/clips.tsv", CLIPS)


@pytest.fixture(scope="module")
def classes(results):
    return read_table(results / "corpus/classes.tsv", CLASSES)


def test_the_page_of_outputs_describes_every_file(folder):
    page = (Path(__file__).parents[2] / "docs" / "outputs.md").read_text()
    described = [
        re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))
        for path in re.findall(r"^### `(.+)`$", page, re.M)
    ]
    results = folder / "results" / "smoke"
    names = {path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file()}
    # Checksums are hidden.
    shown = {name for name in names if not Path(name).name.startswith(".")}
    assert len(shown) > 100
    assert not [name for name in shown if not any(one.fullmatch(name) for one in described)]


def test_no_file_is_partial_or_outside_the_results(folder):
    assert {path.name for path in folder.iterdir()} <= {"results", ".snakemake"}
    # Beside each file is its checksum, and no temporary file.
    for path in (folder / "results").rglob(".*"):
        assert path == checksum_path(path.with_name(path.name[1:].removesuffix(".sha256"))), path
        assert path.with_name(path.name[1:].removesuffix(".sha256")).is_file(), path
    assert not [path for path in (folder / "results").rglob("*checkpoint*")]


def test_the_corpus_has_every_role_on_both_sides(clips, classes):
    assert set(zip(clips["split"], clips["role"], strict=True)) == {
        (split, role) for split in ("train", "test") for role in ("target", "other", "mixed")
    }
    assert classes["target"].sum() >= 8
    assert (~classes["target"]).sum() >= 24


def test_every_clip_has_a_status_and_a_spectrogram(results, clips):
    for split in ("train", "test"):
        expected = list(clips.loc[clips["split"] == split, "clip_id"])
        asked, stored = [], []
        for path in sorted((results / "audio" / split).glob("*.status.tsv")):
            asked += list(read_table(path, STATUS)["clip_id"])
        for path in sorted((results / "spectrograms/original" / split).glob("*.h5")):
            with h5py.File(path) as shard:
                stored += [name.decode() for name in shard["clip_id"][:]]
                level = shard["log_mel"][:].astype(np.float32)
                assert level.shape[1:] == (64, 161)
                assert np.isfinite(level).all() and (level.std(axis=(1, 2)) > 1).all()
        assert asked == stored == expected


@pytest.mark.parametrize(("condition", "seed"), NETWORKS)
def test_a_network_and_its_training_clips(results, clips, condition, seed):
    place = results / "networks" / condition / f"seed-{seed}"
    history = read_table(place / "history.tsv", HISTORY)
    epochs = {"natural": [1, 2], "untrained": [0]}.get(condition, [1])
    assert list(history["epoch"]) == epochs
    assert history["loss"].isna().all() == (condition == "untrained")
    heard = read_table(place / "clips.tsv", NETWORK_CLIPS)
    branches = read_branches(results / "corpus/branches.tsv")
    kept_out = withheld_clips(clips, branches.within(WITHHELD[condition], "withhold"))
    admissible = clips[(clips["split"] == "train") & ~kept_out]
    assert set(heard["clip_id"]) == set(admissible["clip_id"])
    assert (heard["part"] == "validation").mean() == pytest.approx(0.1, abs=0.02)
    given = {i: set(mids.split(";")) for i, mids in zip(clips.clip_id, clips.labels, strict=True)}
    same = np.mean(
        [
            set(mids.split(";")) == given[i]
            for i, mids in zip(heard.clip_id, heard.labels, strict=True)
        ]
    )
    assert same == 1 if condition != "shuffled" else same < 0.5


def test_conditions_of_a_seed_share_their_validation_clips_and_seeds_do_not(results):
    def validation(condition, seed):
        path = results / "networks" / condition / f"seed-{seed}" / "clips.tsv"
        table = read_table(path, NETWORK_CLIPS)
        return set(table.loc[table["part"] == "validation", "clip_id"])

    assert validation("natural", 1) == validation("shuffled", 1) == validation("untrained", 1)
    assert validation("natural", 1) != validation("natural", 2)


@pytest.mark.parametrize(("condition", "seed"), NETWORKS)
def test_units_against_scipy(results, clips, condition, seed):
    units = read_table(results / f"selectivity/music/{condition}/seed-{seed}/units.tsv", UNITS)
    role = dict(zip(clips["clip_id"], clips["role"], strict=True))
    for split, prefix in (("train", ""), ("test", "test_")):
        path = results / f"responses/{condition}/seed-{seed}/original/{split}.h5"
        with h5py.File(path) as file:
            roles = np.array([role[name.decode()] for name in file["clip_id"][:]])
            weights = results / f"networks/{condition}/seed-{seed}/weights.safetensors"
            assert read_text(file, "network_digest") == sha256(weights)
            for layer, size in LAYERS.items():
                response = file[layer][:].astype(np.float64)
                assert response.shape == (len(roles), size)
                of_layer = units[units["layer"] == layer]
                assert list(of_layer["unit"]) == list(range(size))
                # A unit that never responds has no Welch t in SciPy, and 0 here.
                alive = response[np.isin(roles, ["target", "other"])].std(axis=0) > 1e-6
                expected = stats.ttest_ind(
                    response[roles == "target"], response[roles == "other"], equal_var=False
                )
                np.testing.assert_allclose(
                    of_layer[f"{prefix}welch_t"].to_numpy()[alive],
                    expected.statistic[alive],
                    rtol=1e-7,
                    atol=1e-9,
                )
    for layer, size in LAYERS.items():
        of_layer = units[units["layer"] == layer]
        assert sorted(of_layer["rank"]) == list(range(1, size + 1))
        assert of_layer["selective"].sum() == size // 8
        # Units that never respond come last, whatever the t of the others.
        answering = of_layer[of_layer["welch_t"] != 0]
        chosen = answering.loc[answering["selective"], "welch_t"]
        assert chosen.min() >= answering.loc[~answering["selective"], "welch_t"].max()


def covariates_of(results, split, clip_ids):
    """The covariates that vary (clips, k) of `clip_ids`."""
    paths = sorted((results / "acoustics" / split).glob("*.tsv"))
    table = pd.concat([read_table(path, ACOUSTICS) for path in paths]).set_index("clip_id")
    assert table.index.is_unique and np.isfinite(table.to_numpy()).all()
    values = table.loc[clip_ids].to_numpy()
    return values[:, np.ptp(values, axis=0) > 0]


@pytest.mark.parametrize(("split", "prefix"), [("train", ""), ("test", "test_")])
def test_effects_with_covariates_against_statsmodels(results, clips, split, prefix):
    units = read_table(results / "selectivity/music/untrained/seed-2/units.tsv", UNITS)
    of_layer = units[units["layer"] == "avgpool"]
    role = dict(zip(clips["clip_id"], clips["role"], strict=True))
    with h5py.File(results / f"responses/untrained/seed-2/original/{split}.h5") as file:
        names = [name.decode() for name in file["clip_id"][:]]
        response = file["avgpool"][:].astype(np.float64)
    kept = [row for row, name in enumerate(names) if role[name] != "mixed"]
    covariates = covariates_of(results, split, [names[row] for row in kept])
    # Every clip is of one length here, so duration does not vary.
    assert covariates.shape[1] == len(COVARIATES) - 1
    target = [float(role[names[row]] == "target") for row in kept]
    z = (covariates - covariates.mean(axis=0)) / covariates.std(axis=0)
    design = np.column_stack([np.ones(len(kept)), target, z])
    for unit in np.flatnonzero(response[kept].std(axis=0) > 1e-6)[:40]:
        fit = OLS(response[kept, unit], design).fit(cov_type="HC3", use_t=True)
        row = of_layer.iloc[unit]
        assert row[f"{prefix}partial_t"] == pytest.approx(fit.tvalues[1], rel=1e-6)
        assert row[f"{prefix}partial_p"] == pytest.approx(fit.pvalues[1], rel=1e-6)


@pytest.mark.parametrize("seed", [1, 2])
def test_decoding_against_scikit_learn(results, clips, seed):
    table = read_table(results / f"decoding/music/natural/seed-{seed}/decoding.tsv", DECODING)
    first = table[table["first_rank"] == 1].iloc[0]
    units = read_table(results / f"selectivity/music/natural/seed-{seed}/units.tsv", UNITS)
    of_layer = units[units["layer"] == "avgpool"].sort_values("rank")
    chosen = of_layer["unit"].to_numpy()[:32]
    role = dict(zip(clips["clip_id"], clips["role"], strict=True))
    parts = []
    for split in ("train", "test"):
        with h5py.File(results / f"responses/natural/seed-{seed}/original/{split}.h5") as file:
            roles = np.array([role[name.decode()] for name in file["clip_id"][:]])
            response = file["avgpool"][:].astype(np.float64)[:, chosen]
        kept = roles != "mixed"
        parts += [response[kept], roles[kept] == "target"]
    train, label, test, truth = parts
    scores = LinearRegression().fit(train, label).predict(test)
    assert (first["n_train"], first["n_test"]) == (len(label), len(truth))
    # Nearly collinear units lose digits, which may change the order of near ties.
    expected = average_precision_score(truth, scores)
    assert first["average_precision"] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("condition", "seed"), NETWORKS)
def test_average_precision_against_scikit_learn(results, clips, classes, condition, seed):
    path = results / f"recognition/{condition}/seed-{seed}/average_precision.tsv"
    table = read_table(path, AVERAGE_PRECISION)
    tested = table[table["clips"] == "test"].set_index("mid")
    labels = dict(zip(clips["clip_id"], clips["labels"], strict=True))
    with h5py.File(results / f"responses/{condition}/seed-{seed}/original/test.h5") as file:
        scores = file["fc2"][:]
        labels_of_clips = [labels[name.decode()].split(";") for name in file["clip_id"][:]]
    for index, mid in zip(classes["index"], classes["mid"], strict=True):
        truth = np.array([mid in of_clip for of_clip in labels_of_clips])
        assert tested.loc[mid, "n_positive"] == truth.sum()
        if truth.any():
            expected = average_precision_score(truth, scores[:, index])
            assert tested.loc[mid, "average_precision"] == pytest.approx(expected, abs=1e-12)
        else:
            assert np.isnan(tested.loc[mid, "average_precision"])


def test_selective_responses_are_means_over_the_selective_units(results, clips):
    units = read_table(results / "selectivity/music/natural/seed-1/units.tsv", UNITS)
    chosen = units.loc[(units["layer"] == "avgpool") & units["selective"], "unit"]
    table = read_table(
        results / "selectivity/music/natural/seed-1/clip_responses.tsv", CLIP_RESPONSES
    )
    table = table[table["split"] == "test"]
    with h5py.File(results / "responses/natural/seed-1/original/test.h5") as file:
        means = file["avgpool"][:].astype(np.float64)[:, chosen].mean(axis=1)
        names = [name.decode() for name in file["clip_id"][:]]
    expected = dict(zip(names, means, strict=True))
    np.testing.assert_allclose(
        table["response"], [expected[name] for name in table["clip_id"]], rtol=1e-9
    )
    of_classes = read_table(
        results / "selectivity/music/natural/seed-1/class_responses.tsv", CLASS_RESPONSES
    )
    labels = dict(zip(clips["clip_id"], clips["labels"], strict=True))
    for _, row in of_classes.iterrows():
        bearing = [expected[name] for name in names if row["mid"] in labels[name].split(";")]
        assert row["n_clips"] == len(bearing)
        if bearing:
            assert row["response"] == pytest.approx(np.mean(bearing), rel=1e-9)


def test_quilts_are_played_to_every_network(results, clips):
    statuses = read_table(
        results / "spectrograms/quilt-400ms/test/00000.status.tsv", status_columns(QUILT_STATUS)
    )
    assert set(statuses["status"]) == {"ok"} and set(statuses["n_segments"]) == {5}
    assert statuses["first_segment"].nunique() == 5
    with h5py.File(results / "spectrograms/quilt-50ms/test/00000.h5") as shard:
        assert shard["log_mel"].shape[1:] == (64, 129)
    role = dict(zip(clips["clip_id"], clips["role"], strict=True))
    for condition in WITHHELD:
        table = read_table(results / f"quilts/music/{condition}/responses.tsv", QUILT_RESPONSES)
        assert len(table) == 2 * 3 * 2 * 2
        for row in table.itertuples():
            units = read_table(
                results / f"selectivity/music/{condition}/seed-{row.seed}/units.tsv", UNITS
            )
            units = units[units["layer"] == "avgpool"]
            last = units["rank"] > len(units) * 7 // 8
            chosen = units.loc[units["selective"] if row.group == "most" else last, "unit"]
            path = results / f"responses/{condition}/seed-{row.seed}/{row.stimulus}/test.h5"
            with h5py.File(path) as file:
                of_role = [role[name.decode()] == row.role for name in file["clip_id"][:]]
                means = file["avgpool"][:].astype(np.float64)[of_role][:, chosen].mean(axis=1)
            assert row.n_clips == len(means) > 0
            assert row.response == pytest.approx(means.mean(), rel=1e-9)


def test_levels_are_played_to_every_network(results, clips):
    role = dict(zip(clips["clip_id"], clips["role"], strict=True))
    for condition in WITHHELD:
        table = read_table(results / f"levels/music/{condition}.tsv", LEVELS)
        assert len(table) == 2 * 2 * 2 and set(table["level_db"]) == {0, -6}
        for row in table.itertuples():
            units = read_table(
                results / f"selectivity/music/{condition}/seed-{row.seed}/units.tsv", UNITS
            )
            units = units[units["layer"] == "avgpool"]
            last = units["rank"] > len(units) * 7 // 8
            chosen = units.loc[units["selective"] if row.group == "most" else last, "unit"]
            means = {}
            for of_role, level in (("target", row.level_db), ("other", 0)):
                stimulus = f"level-{abs(level):g}db"
                path = results / f"responses/{condition}/seed-{row.seed}/{stimulus}/test.h5"
                with h5py.File(path) as file:
                    kept = [role[name.decode()] == of_role for name in file["clip_id"][:]]
                    means[of_role] = file["avgpool"][:].astype(float)[kept][:, chosen].mean()
            assert row.ratio == pytest.approx(means["target"] / means["other"], rel=1e-9)


def test_clips_at_a_level_have_the_mean_rms_of_the_corpus(results):
    with h5py.File(results / "audio/test/00000.h5") as file:
        first = file["samples"][0, : file["n_samples"][0]] / 32_768
    rms = read_level(results / "audio/level.tsv")
    status = read_table(
        results / "spectrograms/level-6db/test/00000.status.tsv", status_columns({"gain_db": float})
    )
    level = 20 * np.log10(np.sqrt(np.mean(first**2)) / rms)
    assert status["gain_db"].iloc[0] == pytest.approx(-6 - level, abs=1e-3)


def test_summaries_have_a_row_for_every_network(results):
    selectivity = read_table(results / "selectivity/music/summary.tsv", SELECTIVITY_SUMMARY)
    trained = selectivity["condition"].isin(WITHHELD)
    assert trained.sum() == len(NETWORKS) * len(LAYERS)
    # Fixed models have one network, with one layer.
    assert selectivity.loc[~trained, "condition"].tolist() == ["gabor", "pca"]
    recognition = read_table(results / "recognition/summary.tsv", RECOGNITION_SUMMARY)
    assert set(zip(recognition["condition"], recognition["seed"], strict=True)) == set(NETWORKS)
    scores = recognition["mean_average_precision"].dropna()
    assert ((scores > 0) & (scores <= 1)).all()


def test_the_response_ratio_is_that_of_the_clips(results):
    summary = read_table(results / "selectivity/music/summary.tsv", SELECTIVITY_SUMMARY)
    of_pool = summary[summary["layer"] == "avgpool"].set_index(["condition", "seed"])
    for condition, seed in NETWORKS:
        table = read_table(
            results / f"selectivity/music/{condition}/seed-{seed}/clip_responses.tsv",
            CLIP_RESPONSES,
        )
        means = table[table["split"] == "test"].groupby("role")[["response", "all_units"]].mean()
        ratios = means.loc["target"] / means.loc["other"]
        row = of_pool.loc[(condition, seed)]
        assert row["test_ratio"] == pytest.approx(ratios["response"], rel=1e-12)
        assert row["test_all_ratio"] == pytest.approx(ratios["all_units"], rel=1e-12)
        # Every unit of the layer has as many clips, so the order of the means does not matter.
        by_unit = row["test_mean_target"] / row["test_mean_other"]
        assert row["test_ratio"] == pytest.approx(by_unit, rel=1e-9)


def test_the_first_snapshot_is_the_untrained_network(results):
    paths = [results / f"emergence/music/natural/seed-{seed}/emergence.tsv" for seed in (1, 2)]
    table = pd.concat([read_table(path, EMERGENCE) for path in paths], ignore_index=True)
    assert list(zip(table["seed"], table["epoch"], strict=True)) == [(1, 0), (1, 2), (2, 0), (2, 2)]
    selectivity = read_table(results / "selectivity/music/summary.tsv", SELECTIVITY_SUMMARY)
    selectivity = selectivity[selectivity["layer"] == "avgpool"]
    recognition = read_table(results / "recognition/summary.tsv", RECOGNITION_SUMMARY)
    recognition = recognition[
        (recognition["clips"] == "test") & (recognition["group"] == "natural")
    ]
    for _, row in table[table["epoch"] == 0].iterrows():
        of_units, of_classes = (
            one[(one["condition"] == "untrained") & (one["seed"] == row["seed"])].iloc[0]
            for one in (selectivity, recognition)
        )
        assert row["ratio"] == pytest.approx(of_units["test_ratio"], rel=1e-9)
        assert row["hedges_g"] == pytest.approx(of_units["response_hedges_g"], rel=1e-9)
        assert row["natural_map"] == pytest.approx(of_classes["mean_average_precision"], rel=1e-9)
        assert row["chance"] == pytest.approx(of_classes["chance"], rel=1e-9)


@pytest.mark.parametrize(
    "name",
    [
        "all_units",
        "response_ratio",
        "targets",
        "emergence",
        "example_spectrograms",
        "learning_curves",
        "average_precision",
        "selective_responses",
        "class_responses",
        "selectivity_index",
        "specificity",
        "selectivity_by_layer",
        "quilts",
        "quilts_genres",
        "quilts_relative",
        "quilts_targets",
        "levels",
        "genres",
        "embedding",
        "decoding",
        "acoustics",
        "lesions",
        "lesion_dose",
        "lesion_classes",
        "claims",
        "yields",
    ],
)
def test_figures_are_pictures(results, name):
    png = (results / "figures" / f"{name}.png").read_bytes()
    assert png.startswith(b"\x89PNG") and len(png) > 10_000
    root = xml.etree.ElementTree.parse(results / "figures" / f"{name}.svg").getroot()
    assert len(list(root.iter("{http://www.w3.org/2000/svg}text"))) > 5


def test_every_job_has_a_log_and_a_benchmark(results):
    def jobs(kind, suffix):
        return {
            path.relative_to(results / kind).with_suffix("")
            for path in (results / kind).rglob(f"*.{suffix}")
        }

    assert jobs("logs", "log") == jobs("benchmarks", "tsv")
    assert len(jobs("logs", "log")) > 40


def test_snakemakes_own_report_builds(folder):
    ended = snakemake(folder, *SMOKE, "--report", "results/report.html")
    assert ended.returncode == 0, ended.stderr
    page = (folder / "results/report.html").read_text()
    assert "no evidence about hearing" in page
    assert "example_spectrograms.png" in page


def test_with_two_seeds_every_claim_is_undetermined(results):
    claims = read_table(results / "claims/claims.tsv", VERDICTS)
    whole = claims[claims["part"] == WHOLE]
    assert list(whole["claim"]) == list(CLAIMS)
    assert set(whole["verdict"]) == {UNDETERMINED}
    estimates = read_table(results / "claims/estimates.tsv", ESTIMATES)
    assert set(estimates["seed"]) == {1, 2}
    # Every part has estimates, except those of genres, which have two clips each, and of the
    # condition that this run leaves out.
    needed = claims[claims["needed"] & (claims["claim"] != "genres")]
    empty = needed.loc[needed["estimate"].isna(), "part"]
    assert list(empty) == [
        "novelty over no-things",
        "novelty over no-things at equal length and level",
    ]


def test_the_table_of_claims_says_what_it_said_before(results):
    """Texts, verdicts, counts and settings; workflow/golden_claims.py writes the table anew."""
    found = stable(results / "claims/claims.tsv").splitlines()
    assert found == GOLDEN.read_text(encoding="utf-8").splitlines()


def test_the_page_shows_undetermined_claims(results):
    page = (results / "report.html").read_text(encoding="utf-8")
    assert "0 of 15 claims are supported, 15 undetermined" in page
    assert "This corpus is no evidence about hearing." in page
    # Of the yield, the page has a sentence: every clip is usable.
    figures = {path.stem for path in (results / "figures").glob("*.png")} - {"yields"}
    assert {f'id="figure-{name}"' in page for name in figures} == {True}
    assert "No clip was lost." in page and 'id="figure-yields"' not in page
    for name in figures:
        assert f'href="figures/{name}.svg"' in page
    linked = re.findall(r'href="([^"#:]+)"', page)
    assert len(linked) > 3 * len(figures)
    assert [path for path in linked if not (results / path).exists()] == []
    for rule in ("train_network", "lesion_units", "assess_claims"):
        assert f"<td>{rule}</td>" in page
    assert "<script" not in page


def test_the_page_plays_sounds_of_every_kind(results):
    table = read_table(results / "excerpts/excerpts.tsv", EXCERPTS)
    assert set(table["left_out"]) == {""}
    assert set(table["figure"]) == {
        *("example_spectrograms", "quilts", "levels", "selective_responses", "profile_sounds")
    }
    page = (results / "report.html").read_text(encoding="utf-8")
    assert page.count("<audio ") == len(table)


def test_the_page_of_units_opens_in_a_browser(results, tmp_path):
    tables = {
        path.parts[-3:-1]: read_table(path, UNITS, only=("layer",))
        for path in results.glob("selectivity/music/*/*/units.tsv")
    }
    n = sum(map(len, tables.values()))
    with browser(tmp_path) as tab:
        tab.open(results / "units.html")
        tab.run("document.querySelector('#filters [type=reset]').click()")
        tab.wait(f"document.getElementById('count').textContent === '{n} of {n} units'")
        tab.run("document.querySelector('#classes .bar[aria-disabled=false]').click()")
        tab.wait("document.getElementById('audio').currentTime > 0")
        for (condition, replicate), table in tables.items():
            seed, layer = replicate.removeprefix("seed-"), table["layer"].iloc[-1]
            tab.open(results / "units.html", f"#{condition}/{seed}/{layer}/0")
            chosen = tab.run("document.getElementById('chosen').textContent")
            assert chosen == f"{condition}, network {seed}, {layer}: unit 0"
            assert tab.run("document.querySelectorAll('#clips li').length") == 12
        assert tab.errors == []


def test_a_run_prints_one_line_per_job_then_the_verdicts_and_paths(smoke):
    said = smoke.with_suffix(".said").read_text()
    (planned,) = re.findall(r"^(\d+) jobs$", said, re.M)
    assert len(executed(said)) == int(planned)
    verdicts = read_table(smoke / "results/smoke/claims/claims.tsv", VERDICTS)
    for claim in verdicts[verdicts["part"] == WHOLE].itertuples():
        assert re.search(rf"^{TITLES[claim.claim]} +{claim.verdict}", said, re.M)
    end = said[said.index("\nreport ") :].split()
    assert end[:8] == [
        *("report", "results/smoke/report.html"),
        *("units", "results/smoke/units.html"),
        *("claims", "results/smoke/claims/claims.tsv"),
        *("figures", "results/smoke/figures"),
    ]
    assert (smoke / end[end.index("log") + 1]).stat().st_size > 10 * len(said)
    assert re.search(r"^time     \d", said, re.M)
