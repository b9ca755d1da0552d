"""FSD50K's published layout: vocabulary, ground truth, and the corpus that comes of them."""

import json

import pytest

from music_detectors.common.errors import InputError
from music_detectors.corpus.build import build_corpus
from music_detectors.corpus.sizes import check_corpus, clip_counts
from music_detectors.corpus.sources.fsd50k import (
    count_clips,
    ground_truth,
    read_clips,
    read_vocabulary,
)

ONTOLOGY = [
    {"id": "/m/04rlf", "name": "Music", "child_ids": ["/m/04szw"]},
    {"id": "/m/04szw", "name": "Musical instrument", "child_ids": ["/m/0342h"]},
    {"id": "/m/0342h", "name": "Guitar", "child_ids": []},
    {"id": "/t/1", "name": "Accelerating, revving, vroom", "child_ids": []},
    {"id": "/m/015lz1", "name": "Singing", "child_ids": []},
]
VOCABULARY = [
    (0, "Accelerating_and_revving_and_vroom", "/t/1"),
    (1, "Guitar", "/m/0342h"),
    (2, "Music", "/m/04rlf"),
    (3, "Musical_instrument", "/m/04szw"),
]
GUITAR = ('"Guitar,Musical_instrument,Music"', '"/m/0342h,/m/04szw,/m/04rlf"')
CAR = ("Accelerating_and_revving_and_vroom", "/t/1")
DEV = [("64760", *GUITAR, "train"), ("16399", *CAR, "val"), ("7", *CAR, "train")]
EVAL = [("37199", *GUITAR), ("175151", *CAR)]


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "FSD50K"
    (folder / "FSD50K.ground_truth").mkdir(parents=True)
    files = ground_truth(folder)
    with open(files["vocabulary"], "w") as file:
        file.writelines(f"{index},{name},{mid}\n" for index, name, mid in VOCABULARY)
    for split, header, rows in (
        ("train", "fname,labels,mids,split", DEV),
        ("test", "fname,labels,mids", EVAL),
    ):
        with open(files[split], "w") as file:
            file.writelines(line + "\n" for line in [header, *map(",".join, rows)])
    (tmp_path / "ontology.json").write_text(json.dumps(ONTOLOGY))
    return {
        "source": "fsd50k",
        "target": "Music",
        "genres": None,
        "withheld_clips": None,
        "shard_clips": 2,
        "ontology": str(tmp_path / "ontology.json"),
        "fsd50k": {"folder": str(folder)},
        "audioset": {},
    }


def test_both_sets_become_splits_whose_files_need_not_be_there(corpus):
    folder = corpus["fsd50k"]["folder"]
    classes, _, clips, _ = build_corpus(corpus, 1)
    assert classes["name"].tolist() == [
        "Accelerating, revving, vroom",
        "Guitar",
        "Music",
        "Musical instrument",
    ]
    assert classes["target"].tolist() == [False, True, True, True]
    assert clips["clip_id"].tolist() == ["64760", "16399", "7", "37199", "175151"]
    assert clips["split"].tolist() == ["train"] * 3 + ["test"] * 2
    assert clips["role"].tolist() == ["target", "other", "other", "target", "other"]
    assert (clips["source"] == "file").all() and clips["end_seconds"].isna().all()
    assert clips["reference"][0] == f"{folder}/FSD50K.dev_audio/64760.wav"
    assert clips["reference"][3] == f"{folder}/FSD50K.eval_audio/37199.wav"
    check_corpus(corpus, {"natural": ["Guitar", "Singing"]})
    assert clip_counts(corpus, 1) == {"train": 3, "test": 2}


@pytest.mark.parametrize(
    ("what", "text", "says"),
    [
        ("vocabulary", "0,Guitar,/m/a\n2,Music,/m/b\n", r"vocabulary\.csv, line 2: the index 1"),
        ("vocabulary", "0,Guitar,/m/a\n1,Bass,/m/a\n", "the class /m/a occurs twice"),
        ("vocabulary", "", "lists no classes"),
        ("train", "name,labels\n1,a\n", r"dev\.csv: its first line is 'name,labels'"),
        ("train", "fname,labels,mids\n1,Cat,/m/cat\n", r"dev\.csv, line 2: the label '/m/cat'"),
        ("train", "fname,labels,mids\n../../x,Music,/m/04rlf\n", "line 2: .* is no clip"),
        ("train", "fname,labels,mids\n1,Music,/m/04rlf\n1,Music,/m/04rlf\n", "1 occurs"),
        ("test", "fname,labels,mids\n1\n", "line 2: '1' is no clip"),
    ],
)
def test_what_is_not_fsd50k_is_refused_with_its_line(corpus, what, text, says):
    folder = corpus["fsd50k"]["folder"]
    with open(ground_truth(folder)[what], "w") as file:
        file.write(text)
    with pytest.raises(InputError, match=says):
        known = [mid for mid, _ in read_vocabulary(folder)]
        read_clips(folder, "train", known)
        read_clips(folder, "test", known)


def test_counting_needs_no_more_than_the_header(corpus):
    folder = corpus["fsd50k"]["folder"]
    assert count_clips(folder, "train") == len(DEV)
    with open(ground_truth(folder)["train"], "w") as file:
        file.write("<html>\n")
    with pytest.raises(InputError, match=r"FSD50K\.ground_truth"):
        count_clips(folder, "train")


def test_an_ontology_is_needed(corpus):
    with pytest.raises(InputError, match=r"corpus\.ontology .* fsd50k"):
        build_corpus({**corpus, "ontology": None}, 1)
