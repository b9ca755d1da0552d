"""A probe set of one's own: only configuration, downloaded once, and refused in one line."""

import shutil
from collections import Counter

import numpy as np
from scipy import stats

from music_detectors.common.tables import read_table
from music_detectors.probes.columns import REFERENCES
from music_detectors.profiles.columns import PROFILE_COMPONENTS, PROFILE_SOUNDS
from music_detectors.responses.files import read_responses
from music_detectors.selectivity.columns import UNITS
from support.probe_sets import CATEGORIES, COMPONENTS, files, write_folder, write_zip
from support.web_server import Answer, serving
from workflow.snake import executed, preset, snakemake, written

SETTINGS = {
    "categories": "categories.csv",
    "target": ["Music", "Song"],
    "profiles": "components.mat",
}
PROFILE = "results/smoke/profiles/music/mine/natural/sounds.tsv"


def configured(run, **place):
    settings = {"probes": {"mine": {**SETTINGS, **place}}}
    return [*preset("smoke"), written(run / "mine.yaml", settings), "--", PROFILE]


def test_a_probe_set_at_an_address_is_downloaded_once_and_has_profiles(smoke, tmp_path):
    folder = shutil.copytree(smoke, tmp_path / "run", symlinks=True)
    with serving() as web:
        web.answers["/mine.zip"] = Answer(write_zip(tmp_path / "mine.zip", files()).read_bytes())
        arguments = configured(folder, zip=f"{web.url}/mine.zip")
        ended = snakemake(folder, *arguments)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert Counter(executed(ended.stderr + ended.stdout)) == {
            "fetch_probe": 1,
            "read_probe": 1,
            "compute_probe_spectrograms": 1,
            "compute_probe_responses": 1,
            "profile_probe": 1,
        }
        again = snakemake(folder, *arguments)
        assert again.returncode == 0 and not executed(again.stderr + again.stdout)
        assert web.asked["/mine.zip"] == 1
    results = folder / "results" / "smoke"
    sounds = read_table(folder / PROFILE, PROFILE_SOUNDS)
    assert sounds["sound"].tolist() == list(CATEGORIES) * 2
    components = read_table((folder / PROFILE).with_name("components.tsv"), PROFILE_COMPONENTS)
    assert components["component"].tolist() == COMPONENTS * 2
    references = read_table(results / "probes/mine/references.tsv", REFERENCES)
    for seed in (1, 2):
        network = f"natural/seed-{seed}"
        heard, responses = read_responses(
            results / "responses" / network / "probe-mine/test.h5", ["avgpool"]
        )
        assert heard == list(CATEGORIES)
        units = read_table(results / "selectivity/music" / network / "units.tsv", UNITS)
        units = units[(units["layer"] == "avgpool") & units["selective"]]
        expected = responses["avgpool"][:, units["unit"]].mean(axis=1, dtype=float)
        of_network = sounds.loc[sounds["seed"] == seed, "response"]
        np.testing.assert_allclose(of_network, expected, rtol=1e-9)
        music = references.loc[references["component"] == "music", "response"]
        found = components.set_index(["seed", "component"]).loc[(seed, "music"), "pearson"]
        np.testing.assert_allclose(found, stats.pearsonr(expected, music)[0], rtol=1e-9)


def test_a_damaged_download_stops_its_own_jobs_with_one_line(smoke, tmp_path):
    folder = shutil.copytree(smoke, tmp_path / "run", symlinks=True)
    with serving() as web:
        web.answers["/mine.zip"] = Answer(b"<html>log in</html>")
        ended = snakemake(folder, *configured(folder, zip=f"{web.url}/mine.zip"))
    said = ended.stderr + ended.stdout
    assert ended.returncode != 0 and "Traceback" not in said
    assert f"{web.url}/mine.zip: is no zip that can be read" in said
    assert not list((folder / "results/smoke/probes/mine").glob("*.zip"))


def test_a_folder_with_a_missing_sound_is_refused_before_anything_runs(tmp_path):
    place = write_folder(tmp_path / "mine", files(more={"wav/rain.wav": None}))
    ended = snakemake(tmp_path, "--dry-run", *configured(tmp_path, folder=str(place)))
    said = ended.stderr + ended.stdout
    assert ended.returncode != 0 and "Traceback" not in said
    assert sum("mine: has no file rain" in line for line in said.splitlines()) == 1


def test_an_exchanged_sound_is_read_again(smoke, tmp_path):
    folder = shutil.copytree(smoke, tmp_path / "run", symlinks=True)
    place = write_folder(tmp_path / "mine", files())
    arguments = configured(folder, folder=str(place))
    sounds = "results/smoke/probes/mine/sounds.h5"
    assert snakemake(folder, *arguments[:-1], sounds).returncode == 0
    (place / "wav/rain.wav").write_bytes((place / "wav/wind.wav").read_bytes())
    ended = snakemake(folder, *arguments[:-1], sounds)
    assert executed(ended.stderr + ended.stdout) == ["read_probe"]
