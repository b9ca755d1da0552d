"""The files that describe AudioSet, from the web, through Snakemake."""

from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import METADATA
from support.web_server import Answer, serving
from workflow.audioset_files import write_audioset
from workflow.snake import planned, preset, snakemake, written

FILES = {
    "classes": "class_labels_indices.csv",
    "train_segments": "balanced_train_segments.csv",
    "test_segments": "eval_segments.csv",
}


def urls(base, clips=20):
    """A preset that reads AudioSet's files from `base`."""
    return {
        "targets": [],
        "corpus": {
            "ontology": f"{base}/ontology.json",
            "withheld_clips": f"{base}/filenames.xlsx",
            "audioset": {name: f"{base}/{file}" for name, file in FILES.items()}
            | {"clips": {"train": clips, "test": 20}},
        },
    }


def test_lists_on_the_web_are_downloaded_and_their_counts_checked(tmp_path):
    write_audioset(tmp_path, audio=False)
    (tmp_path / "audioset" / "audio").mkdir(exist_ok=True)
    clips = tmp_path / "results/audioset/corpus/clips.tsv"
    with serving() as web:
        for path in (tmp_path / "audioset").glob("*.*"):
            web.answers[f"/{path.name}"] = Answer(path.read_bytes())
        wrong = [*preset("audioset-local"), written(tmp_path / "wrong.yaml", urls(web.url, 600))]
        jobs = planned(tmp_path, *wrong)
        assert jobs["fetch_metadata"] == jobs["make_corpus"] == 1
        assert jobs["decode_audio"] == 3
        ended = snakemake(tmp_path, *wrong, "--", clips.relative_to(tmp_path))
        said = ended.stdout + ended.stderr
        assert ended.returncode != 0 and "Traceback" not in said
        assert "set corpus.audioset.clips.train to 20" in said
        # Corrected, nothing is downloaded again.
        right = [*preset("audioset-local"), written(tmp_path / "right.yaml", urls(web.url))]
        ended = snakemake(tmp_path, *right, "--", clips.relative_to(tmp_path))
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert set(web.asked.values()) == {1}
    assert clips.read_text().count("\n") == 41
    table = read_table(tmp_path / "results/audioset/metadata/metadata.tsv", METADATA)
    assert len(table) == 5 and table["origin"].str.startswith("http://127.0.0.1").all()


def test_no_metadata_is_fetched_for_the_embedded_corpus(tmp_path):
    assert planned(tmp_path, *preset("smoke"))["fetch_metadata"] == 0
