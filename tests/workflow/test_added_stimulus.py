"""A stimulus added to a finished run as one file and one name."""

import shutil
from collections import Counter

import numpy as np
import yaml

from music_detectors.audio.storage import read_audio_shard
from music_detectors.common.tables import read_table
from music_detectors.quilts.columns import QUILT_RESPONSES
from music_detectors.report.columns import EXCERPTS
from music_detectors.spectrograms.log_mel import log_mel
from music_detectors.spectrograms.shard import open_spectrogram_shard
from reruns.checkouts import checkout
from workflow.snake import ROOT, planned, preset, snakemake, written

STIMULI = "workflow_scripts/music_detectors/stimuli"
OF_IT = {
    # One job of a shard makes all stimuli that are cut.
    "compute_quilt_spectrograms": 2,
    "index_spectrograms": 3,
    "compute_stimulus_responses": 12,
    "quilt_responses": 8,
    "compare_quilts": 1,
    # One job of a network plays all stimuli, the levels too.
    "level_responses": 7,
    "assess_claims": 1,
    "plot_quilts": 1,
    "plot_quilts_genres": 1,
    "plot_quilts_relative": 1,
    "plot_quilts_targets": 1,
    "plot_levels": 1,
    "plot_claims": 1,
    "cut_excerpts": 1,
    "explore_units": 1,
    "write_report": 1,
    "describe_run": 1,
}
"""The jobs of one stimulus in the smoke run: two test shards, two seeds of five
conditions, two fixed models, and a further target in the condition of the claims."""


def test_a_stimulus_is_one_file_and_one_name(smoke, tmp_path):
    folder = shutil.copytree(smoke, tmp_path / "run")
    results = folder / "results" / "smoke"
    before = {
        path: path.read_bytes() for path in results.rglob("*.tsv") if "benchmarks" not in path.parts
    }
    played = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())["stimuli"]["played"]
    setting = written(tmp_path / "mine.yaml", {"stimuli": {"played": [*played, "reversed"]}})
    root = checkout(tmp_path / "checkout", compiled=True)
    shutil.copy(ROOT / "tests/toys/reversed.py", root / STIMULI)
    arguments = [*preset("smoke"), setting]

    expected = OF_IT | {"index_spectrograms": 4, "all": 1}
    assert planned(folder, *arguments, root=root) == Counter(expected)
    ended = snakemake(folder, *arguments, root=root)
    assert ended.returncode == 0, ended.stdout + ended.stderr

    sound = read_audio_shard(results / "audio/test/00000.h5")
    shard = open_spectrogram_shard(results / "spectrograms/reversed/test/00000.h5")
    assert shard.clip_id == sound.clip_id
    n_played = round(1.6 * 22_050)
    played_first = sound.samples[0, : sound.n_samples[0]][::-1][:n_played]
    expected = log_mel(np.ascontiguousarray(played_first)[None])[0]
    np.testing.assert_array_equal(shard.read([0])[0], expected.astype(np.float16))

    for path in results.glob("quilts/*/*/responses.tsv"):
        table = read_table(path, QUILT_RESPONSES).set_index("stimulus")
        # Levels are whole clips, which are not compared with quilts.
        cut = [name for name in played if not name.startswith("level-")]
        assert list(table.index.unique()) == [*cut, "reversed"]
        added = table.loc["reversed"]
        assert added["segment_ms"].isna().all() and added["response"].notna().all()
        # Most units respond differently to a clip and to its mirror image.
        differences = added["response"].to_numpy() - table.loc["intact", "response"].to_numpy()
        assert np.any(np.abs(differences) > 1e-6)
        for table_path in (path, path.with_name("genres.tsv")):
            lines = table_path.read_bytes().splitlines(keepends=True)
            without = [line for line in lines if b"\treversed\t" not in line]
            assert b"".join(without) == before.pop(table_path)
    # The report plays it too.
    excerpts = results / "excerpts/excerpts.tsv"
    assert (read_table(excerpts, EXCERPTS)["title"] == "reversed").sum() == 2
    del before[excerpts]
    # All other tables, including the claims, are as before.
    assert {path: path.read_bytes() for path in before} == before
    assert "reversed" in (results / "report.html").read_text()


def test_an_edited_stimulus_runs_again_the_jobs_that_make_it_only(smoke, tmp_path):
    root = checkout(tmp_path / "checkout")
    with open(root / STIMULI / "intact.py", "a", encoding="utf-8") as module:
        module.write("# A comment.\n")
    assert planned(smoke, *preset("smoke"), root=root) == Counter(OF_IT | {"all": 1})
