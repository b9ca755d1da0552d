"""A source of clips added as one file and configuration, from its recordings to the report."""

import shutil
from pathlib import Path

import numpy as np
import soundfile

from music_detectors.claims.columns import CLAIMS, VERDICTS
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLIPS
from reruns.checkouts import checkout
from workflow.snake import ONE_NETWORK, snakemake, written

TOY = Path(__file__).parents[1] / "toys" / "folders.py"
SOURCES = "workflow_scripts/music_detectors/corpus/sources"


def write_recordings(folder, per_label=12, rate=22050):
    """Write recordings of tones, noise and clicks, in a subfolder each."""
    draw = np.random.default_rng(5)
    time = np.arange(2 * rate) / rate
    for label in ("tone", "noise", "clicks"):
        (folder / label).mkdir(parents=True)
        for number in range(per_label):
            sound = draw.normal(0, 0.1 if label == "noise" else 0.001, time.size)
            if label == "tone":
                sound += 0.3 * np.sin(2 * np.pi * (200 + 50 * number) * time)
            elif label == "clicks":
                sound[:: rate // (number + 3)] += 0.8
            soundfile.write(folder / label / f"{number:02d}.wav", sound, rate)


def said(ended):
    return ended.stdout + ended.stderr


def test_a_source_is_one_file_and_configuration(tmp_path):
    copy = checkout(tmp_path / "checkout", compiled=True)
    shutil.copyfile(TOY, copy / SOURCES / TOY.name)
    write_recordings(tmp_path / "recordings")
    condition = {"withhold": ["tone"], "labels": "given", "epochs": 1, "snapshots": [0, 1]}
    configuration = written(
        tmp_path / "mine.yaml",
        {
            **ONE_NETWORK,
            "corpus": {
                "name": "toy",
                "source": "folders",
                "folders": {"path": "recordings"},
                "target": "tone",
                "clip_seconds": 2,
                "shard_clips": 64,
            },
            "conditions": ONE_NETWORK["conditions"] | {"natural": condition},
            "selectivity": {"permutations": 100, "bootstraps": 100},
            "stimuli": {"played": ["intact", "quilt-50ms", "quilt-100ms"], "compared_seconds": 1.6},
            "embedding": {"perplexity": 3},
            "lesions": {"fractions": [0.125], "random_draws": 20},
        },
    )
    arguments = ["--snakefile", copy / "Snakefile", "--configfile", configuration]
    ended = snakemake(tmp_path, *arguments)
    assert ended.returncode == 0, said(ended)
    results = tmp_path / "results" / "toy"
    clips = read_table(results / "corpus/clips.tsv", CLIPS)
    assert clips.groupby(["split", "labels"]).size().to_dict() == {
        (split, label): number
        for split, number in (("train", 8), ("test", 4))
        for label in ("tone", "noise", "clicks")
    }
    assert set(read_table(results / "claims/claims.tsv", VERDICTS)["claim"]) == set(CLAIMS)
    assert "tone" in (results / "report.html").read_text(encoding="utf-8")

    # Only the configured source's file counts as code of the rules that use it.
    with open(copy / SOURCES / "fsd50k.py", "a") as file:
        file.write("# edited\n")
    assert "Nothing to be done" in said(snakemake(tmp_path, *arguments, "--dry-run"))
    with open(copy / SOURCES / TOY.name, "a") as file:
        file.write("# edited\n")
    assert "rule make_corpus:" in said(snakemake(tmp_path, *arguments, "--dry-run"))
