"""The tables of classes and clips from each source, and what is refused."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
from music_detectors.corpus.branches import Branches
from music_detectors.corpus.build import _shards, build_corpus, make_corpus
from music_detectors.corpus.columns import BRANCHES, CLASSES, CLIPS, CONDITIONS, SUMMARY
from music_detectors.corpus.sizes import check_corpus, clip_counts
from music_detectors.corpus.withheld import read_branches, summarise_conditions

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"

ONTOLOGY = [
    {"id": "/a", "name": "Animal", "child_ids": ["/d", "/c"]},
    {"id": "/m", "name": "Music", "child_ids": ["/g", "/b"]},
    {"id": "/g", "name": "Music genre", "child_ids": ["/j", "/r"]},
    {"id": "/j", "name": "Jazz", "child_ids": []},
    {"id": "/r", "name": "Rock", "child_ids": []},
    {"id": "/h", "name": "Humming", "child_ids": []},
    {"id": "/d", "name": "Dog", "child_ids": []},
    {"id": "/c", "name": "Cattle", "child_ids": ["/b"]},
    {"id": "/b", "name": "Cowbell", "child_ids": []},
]
TRAIN = [
    ("aaaaaaaaaaa", "/m,/j"),
    ("bbbbbbbbbbb", "/d"),
    ("-cccccccccc", "/d,/b"),
    ("ddddddddddd", "/c,/h"),
    ("e_eeeeeeeee", "/c"),
]
TEST = [("fffffffffff", "/r"), ("ggggggggggg", "/d,/c")]


@pytest.fixture
def audioset(tmp_path):
    """A small AudioSet: its files, and the section `corpus` that names them."""
    (tmp_path / "ontology.json").write_text(json.dumps(ONTOLOGY))
    names = {node["id"]: node["name"] for node in ONTOLOGY}
    classes = [
        f'{index},{mid},"{names[mid]}"\n'
        for index, mid in enumerate("/d /c /b /m /j /r /h".split())
    ]
    (tmp_path / "classes.csv").write_text("index,mid,display_name\n" + "".join(classes))
    for name, rows in (("train", TRAIN), ("test", TEST)):
        lines = [f'{ytid}, 30.000, 40.000, "{labels}"\n' for ytid, labels in rows]
        (tmp_path / f"{name}.csv").write_text("".join(lines))
    return {
        "source": "audioset",
        "target": "Music",
        "genres": None,
        "withheld_clips": None,
        "shard_clips": 2,
        "ontology": str(tmp_path / "ontology.json"),
        "audioset": {
            "classes": str(tmp_path / "classes.csv"),
            "train_segments": str(tmp_path / "train.csv"),
            "test_segments": str(tmp_path / "test.csv"),
        },
    }


def recordings(tmp_path, text, **changes):
    """A manifest, and the section `corpus` that names it."""
    (tmp_path / "manifest.csv").write_text(text)
    return {
        "source": "manifest",
        "target": "music",
        "genres": None,
        "withheld_clips": None,
        "shard_clips": 4,
        "ontology": None,
        "manifest": {
            "path": str(tmp_path / "manifest.csv"),
            "test_fraction": 0.5,
            "columns": None,
            "only": None,
        },
        **changes,
    }


EMBEDDED = {
    "source": "embedded",
    "target": "Music",
    "genres": None,
    "withheld_clips": None,
    "shard_clips": 16,
    "ontology": None,
    "embedded": {"clips_per_class": {"train": 3, "test": 2}},
}
MUSIC_AND_DOGS = "path,labels\n" + "".join(
    f"m{number}.wav,music\nd{number}.wav,dog;loud\n" for number in range(4)
)


def manifest_of(*label_cells):
    """The text of a manifest with four clips of each of `label_cells`."""
    rows = (f'{at}-{n}.wav,"{cell}"\n' for at, cell in enumerate(label_cells) for n in range(4))
    return "path,labels\n" + "".join(rows)


def write_corpus(corpus, folder, seed=1):
    """Write the tables of `corpus`; return their paths."""
    planned = clip_counts(corpus, seed)
    paths = [folder / f"{name}.tsv" for name in ("classes", "branches", "clips", "summary")]
    make_corpus(corpus, seed, planned, [], *paths)
    return paths


def test_classes_of_audioset(audioset):
    classes = build_corpus(audioset, seed=1).classes
    assert list(classes.itertuples(index=False, name=None)) == [
        (0, "/d", "Dog", "Animal", False, False),
        (1, "/c", "Cattle", "Animal", False, False),
        # Also an animal's, by its first parent, but a target class is the target's.
        (2, "/b", "Cowbell", "Music", True, False),
        (3, "/m", "Music", "Music", True, False),
        (4, "/j", "Jazz", "Music", True, True),
        (5, "/r", "Rock", "Music", True, True),
        (6, "/h", "Humming", "Humming", False, False),
    ]


def test_branches_hold_the_classes_below_each_node_of_the_ontology(audioset):
    branches = build_corpus(audioset, seed=1).branches
    assert list(branches.itertuples(index=False, name=None)) == [
        ("/a", "Animal", "/d;/c;/b"),
        ("/m", "Music", "/b;/m;/j;/r"),
        ("/g", "Music genre", "/j;/r"),
        ("/j", "Jazz", "/j"),
        ("/r", "Rock", "/r"),
        ("/h", "Humming", "/h"),
        ("/d", "Dog", "/d"),
        ("/c", "Cattle", "/c;/b"),
        ("/b", "Cowbell", "/b"),
    ]


def test_clips_of_audioset(audioset):
    _, _, clips, summary = build_corpus(audioset, seed=1)
    columns = ["clip_id", "split", "shard", "reference", "labels", "role"]
    assert list(clips[columns].itertuples(index=False, name=None)) == [
        ("aaaaaaaaaaa_30.000", "train", "00000", "aaaaaaaaaaa", "/m;/j", "target"),
        ("bbbbbbbbbbb_30.000", "train", "00000", "bbbbbbbbbbb", "/d", "other"),
        ("-cccccccccc_30.000", "train", "00001", "-cccccccccc", "/d;/b", "mixed"),
        ("ddddddddddd_30.000", "train", "00001", "ddddddddddd", "/c;/h", "other"),
        ("e_eeeeeeeee_30.000", "train", "00002", "e_eeeeeeeee", "/c", "other"),
        ("fffffffffff_30.000", "test", "00000", "fffffffffff", "/r", "target"),
        ("ggggggggggg_30.000", "test", "00000", "ggggggggggg", "/d;/c", "other"),
    ]
    assert set(clips["source"]) == {"audioset"}
    assert set(clips["start_seconds"]) == {30.0}
    assert set(clips["end_seconds"]) == {40.0}
    assert list(summary.itertuples(index=False, name=None)) == [
        ("train", 5, 1, 3, 1),
        ("test", 2, 1, 1, 0),
    ]


def test_listed_train_clips_are_marked_and_keep_their_role(audioset, tmp_path, caplog):
    listed = tmp_path / "listed.txt"
    listed.write_text("# heard\nbbbbbbbbbbb_30.000\nggggggggggg_30.000\nnot-here_0.000\n")
    before = build_corpus(audioset, seed=1).clips
    with caplog.at_level(logging.WARNING):
        after = build_corpus({**audioset, "withheld_clips": str(listed)}, seed=1).clips
    assert f"{listed}: 1 of its 3 clips are not in the corpus" in caplog.text
    assert not before["listed"].any()
    assert after["clip_id"][after["listed"]].tolist() == ["bbbbbbbbbbb_30.000"]
    assert (before["role"] == after["role"]).all()


def summarised(corpus, folder, withhold, others=()):
    _, branches, clips, _ = write_corpus(corpus, folder)
    summarise_conditions(
        clips,
        branches,
        folder / "conditions.tsv",
        withhold=withhold,
        target=corpus["target"],
        condition=next(iter(withhold)),
        withheld_others=others,
    )
    return read_table(folder / "conditions.tsv", CONDITIONS)


def test_each_condition_withholds_its_branches_and_the_listed_clips(audioset, tmp_path):
    listed = tmp_path / "listed.txt"
    listed.write_text("bbbbbbbbbbb_30.000\nggggggggggg_30.000\n")
    corpus = {**audioset, "withheld_clips": str(listed)}
    with open(audioset["audioset"]["train_segments"], "a") as file:
        file.write('hhhhhhhhhhh, 0.000, 1.000, "/d"\n')
    table = summarised(corpus, tmp_path, {"natural": ["Music", "/h"], "full": [], "jazz": ["Jazz"]})
    assert list(table.itertuples(index=False, name=None)) == [
        ("natural", "train", 4, 2, 0),
        ("natural", "test", 1, 1, 0),
        ("full", "train", 0, 6, 2),
        ("full", "test", 0, 2, 1),
        ("jazz", "train", 2, 4, 1),
        ("jazz", "test", 0, 2, 1),
    ]


def test_a_target_may_be_several_branches_and_an_id(audioset):
    with open(audioset["audioset"]["test_segments"], "a") as file:
        file.write('hhhhhhhhhhh, 0.000, 1.000, "/d"\n')
    classes, _, clips, _ = build_corpus({**audioset, "target": ["/g", "Cattle"]}, seed=1)
    assert classes["name"][classes["target"]].tolist() == ["Cattle", "Cowbell", "Jazz", "Rock"]
    assert classes["branch"][classes["target"]].tolist() == ["Animal", "Animal", "Music", "Music"]
    assert not classes["genre"].any()
    assert clips["role"].tolist() == [
        *("mixed", "other", "mixed", "mixed", "target"),
        *("target", "mixed", "other"),
    ]


def test_a_withheld_branch_without_classes_withholds_nothing_and_leads_to_a_warning(
    audioset, tmp_path, capsys
):
    text = manifest_of("Jazz", "Dog", "Cattle")
    corpus = recordings(tmp_path, text, ontology=audioset["ontology"], target="Music")
    branches = read_branches(write_corpus(corpus, tmp_path)[1])
    assert branches.within(["Music", "Humming"], "here") == {"/j"}
    summarised(corpus, tmp_path, {"natural": ["Music", "Humming"]})
    assert "conditions.natural.withhold: no class of the corpus is in the branch Humming" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "Musik"}, r"corpus.target: 'Musik' is neither .*did you mean 'Music'\?"),
        ({"target": ["Music", "Animal", "Humming"]}, "corpus.target: .* covers every class"),
        ({"ontology": None}, "corpus.ontology must be the path of AudioSet's ontology.json"),
        ({"ontology": "none.json"}, "corpus.ontology is 'none.json', and there is no such file"),
    ],
)
def test_names_are_checked_before_and_when_building(audioset, change, message):
    for check in (lambda corpus: check_corpus(corpus, {}), lambda corpus: build_corpus(corpus, 1)):
        with pytest.raises(InputError, match=f"^configuration: {message}"):
            check({**audioset, **change})


@pytest.mark.parametrize(
    ("withhold", "message"),
    [
        (["Hum"], r"withhold: 'Hum' is neither .*; did you mean"),
        (["Music", "Animal", "Humming"], "withhold covers every class of the corpus"),
    ],
)
def test_branches_to_withhold_are_checked_before_and_when_counting(
    audioset, tmp_path, withhold, message
):
    for check in (
        lambda: check_corpus(audioset, {"own": withhold}),
        lambda: summarised(audioset, tmp_path, {"own": withhold}),
    ):
        with pytest.raises(InputError, match=f"^configuration: conditions.own.{message}"):
            check()


@pytest.mark.parametrize(
    ("others", "own", "named"),
    [
        (["Music"], [], "names Music, which overlaps Music of corpus.target"),
        (["Animal", "Jazz"], [], "names Jazz, which overlaps Music of corpus.target"),
        (["Animal"], ["Dog"], "names Animal, which overlaps Dog of conditions.natural.withhold"),
        (["Dog"], ["Animal"], "names Dog, which overlaps Animal of conditions.natural.withhold"),
    ],
)
def test_what_is_withheld_in_the_targets_place_is_another_branch(
    audioset, tmp_path, others, own, named
):
    withhold = {"natural": own, "no-animals": others}
    for check in (
        lambda: check_corpus(
            audioset, withhold, condition="natural", withheld_others=["no-animals"]
        ),
        lambda: summarised(audioset, tmp_path, withhold, ["no-animals"]),
    ):
        with pytest.raises(InputError) as refused:
            check()
        assert str(refused.value).startswith(
            f"configuration: conditions.no-animals.withhold {named}"
        )
    # Where claims do not compare with it, a condition withholds whatever it likes.
    check_corpus(audioset, withhold, condition="natural")


def test_branches_that_share_a_class_alone_are_apart(audioset):
    withhold = {"natural": ["Music"], "no-animals": ["Animal"]}
    classes = build_corpus(audioset, seed=1).classes
    assert "Cowbell" in classes["name"][classes["target"]].tolist()
    check_corpus(audioset, withhold, condition="natural", withheld_others=["no-animals"])


def test_a_target_without_classes_is_refused(audioset, tmp_path):
    Path(audioset["audioset"]["classes"]).write_text("index,mid,display_name\n0,/d,Dog\n1,/c,Cow\n")
    with pytest.raises(InputError, match=r"corpus.target: 'Music' covers none of the classes in"):
        check_corpus(audioset, {})


def test_classes_must_be_in_the_ontology(audioset):
    with open(audioset["audioset"]["classes"], "a") as file:
        file.write("7,/x,Theremin\n")
    with pytest.raises(InputError, match=r"the class 'Theremin' \(/x\) is not in .*ontology.json"):
        check_corpus(audioset, {})


def test_a_split_needs_target_and_other_clips(audioset):
    path = Path(audioset["audioset"]["test_segments"])
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[0])
    with pytest.raises(InputError, match=r"no other clips in the test split; corpus.audioset"):
        build_corpus(audioset, seed=1)
    path.write_text(lines[1])
    with pytest.raises(InputError, match="no target clips in the test split"):
        build_corpus(audioset, seed=1)


def test_a_clip_is_on_one_side_only(audioset):
    with open(audioset["audioset"]["test_segments"], "a") as file:
        file.write('bbbbbbbbbbb, 30.000, 40.000, "/d"\n')
    with pytest.raises(InputError, match=r"the clip bbbbbbbbbbb_30.000 in both train and test"):
        build_corpus(audioset, seed=1)


def test_something_must_be_left_to_train_on(audioset, tmp_path):
    listed = tmp_path / "listed.txt"
    listed.write_text("bbbbbbbbbbb_30.000\ne_eeeeeeeee_30.000\n")
    corpus = {**audioset, "withheld_clips": str(listed)}
    with pytest.raises(InputError, match=r"own\.withhold .* leaves no clip of the train split"):
        summarised(corpus, tmp_path, {"own": ["Music", "Humming"]})


def test_a_missing_list_of_clips_is_named(audioset):
    with pytest.raises(InputError, match=r"corpus.withheld_clips is 'none.txt', and there is no"):
        build_corpus({**audioset, "withheld_clips": "none.txt"}, seed=1)


def test_there_are_no_more_shards_than_five_digits_can_name():
    with pytest.raises(InputError, match=r"corpus.shard_clips is 2, which makes 100001 shards"):
        _shards(200_001, 2)
    assert _shards(200_000, 2)[-1] == "99999"


def test_a_manifest_without_an_ontology(tmp_path):
    corpus = recordings(tmp_path, MUSIC_AND_DOGS)
    classes, branches, clips, summary = build_corpus(corpus, seed=1)
    assert list(classes.itertuples(index=False, name=None)) == [
        (0, "dog", "dog", "other", False, False),
        (1, "loud", "loud", "other", False, False),
        (2, "music", "music", "target", True, False),
    ]
    assert branches.to_numpy().tolist() == [[name] * 3 for name in ("dog", "loud", "music")]
    assert summary.to_dict("list") == {
        "split": ["train", "test"],
        "clips": [4, 4],
        "target": [2, 2],
        "other": [2, 2],
        "mixed": [0, 0],
    }
    assert set(clips["source"]) == {"file"}
    assert set(clips["labels"]) == {"music", "dog;loud"}
    assert clips["end_seconds"].isna().all()
    # Within a split the order is the manifest's.
    order = {f"{kind}{number}": 2 * number + (kind == "d") for kind in "md" for number in range(4)}
    for _, own in clips.groupby("split"):
        assert [order[clip_id] for clip_id in own["clip_id"]] == sorted(
            order[clip_id] for clip_id in own["clip_id"]
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": "Music"}, r"corpus.target: 'Music' is no label in .*; did you mean 'music'\?"),
        ({"target": "speech"}, "corpus.target: 'speech' is no label .*are dog, loud, music$"),
        ({"target": ["music", "dog", "loud"]}, "corpus.target: .* covers every class"),
    ],
)
def test_names_in_a_manifest_without_an_ontology_are_labels(tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        check_corpus(recordings(tmp_path, MUSIC_AND_DOGS, **change), {})


def test_labels_of_a_manifest_can_be_withheld(tmp_path):
    corpus = recordings(tmp_path, MUSIC_AND_DOGS)
    check_corpus(corpus, {"own": ["music"]})
    with pytest.raises(InputError, match=r"own\.withhold: 'Dog' is no label .* did you mean 'dog'"):
        check_corpus(corpus, {"own": ["Dog"]})


def test_genres_make_up_a_target_without_an_ontology(tmp_path):
    """The target's name stands for them, also where it is withheld, and need not be a label."""
    corpus = recordings(
        tmp_path,
        manifest_of("rock", "jazz", "rock;jazz", "dog", "rock;dog", "rain"),
        target="Music",
        genres=["rock", "jazz"],
    )
    check_corpus(corpus, {"own": ["Music"], "less": ["rock"]}, ["dog", "jazz"])
    classes, branches, clips, _ = build_corpus(corpus, seed=1)
    assert list(classes[["name", "branch", "target", "genre"]].itertuples(index=False)) == [
        ("dog", "other", False, False),
        ("jazz", "target", True, True),
        ("rain", "other", False, False),
        ("rock", "target", True, True),
    ]
    assert branches.to_numpy().tolist()[-1] == ["Music", "Music", "rock;jazz"]
    assert clips.groupby("labels")["role"].first().to_dict() == {
        "dog": "other",
        "jazz": "target",
        "rain": "other",
        "rock": "target",
        "rock;dog": "mixed",
        "rock;jazz": "target",
    }
    withheld = Branches.from_table(branches, "branches.tsv").within(["Music"], "key")
    assert withheld == {"rock", "jazz"}


def test_clips_of_the_target_without_a_genre_count_to_it(tmp_path):
    text = manifest_of("Music", "rock music", "dog", "cat")
    corpus = recordings(tmp_path, text, target="Music", genres=["rock music"])
    check_corpus(corpus, {"own": ["Music"]})
    classes, branches, clips, _ = build_corpus(corpus, seed=1)
    assert classes.set_index("name")["target"].to_dict() == {
        "Music": True,
        "cat": False,
        "dog": False,
        "rock music": True,
    }
    assert classes.loc[classes["genre"], "name"].tolist() == ["rock music"]
    assert branches.set_index("id").loc["Music", "classes"] == "Music;rock music"
    assert set(clips.loc[clips["role"] == "target", "labels"]) == {"Music", "rock music"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"genres": ["rocks"]}, r"corpus.genres: 'rocks' is no label in .* did you mean 'rock'"),
        (
            {"target": ["rock", "jazz"]},
            r"corpus.target must be one name .* Music, not rock \+ jazz",
        ),
        ({"genres": ["rock", "jazz", "dog"]}, r"corpus.target: Music covers every class"),
        ({"target": "musi"}, r"own.withhold: 'Music' is no label .*; did you mean 'musi'"),
        ({"target": "Rock"}, r"corpus.target: 'Rock' is named, and 'rock' in .* is another label"),
    ],
)
def test_genres_that_cannot_be_those_of_the_target_are_refused(tmp_path, change, message):
    text = manifest_of("rock", "jazz", "dog")
    corpus = recordings(tmp_path, text, target="Music", genres=["jazz"]) | change
    with pytest.raises(InputError, match=message):
        check_corpus(corpus, {"own": ["Music"]})


def test_an_ontology_has_genres_of_its_own(audioset):
    with pytest.raises(InputError, match=r"corpus.genres must be null where corpus.ontology says"):
        build_corpus(audioset | {"genres": ["Jazz"]}, seed=1)


@pytest.mark.parametrize(
    "label",
    ["Music", "Music,Guitar", "guitar / MUSIC", "music!", "['music', 'guitar']", "\uff4dusic"],
)
def test_a_label_that_holds_a_name_without_being_it_is_refused(tmp_path, label):
    """Such clips would be other sounds, on which networks that are to hear no music are trained."""
    corpus = recordings(tmp_path, manifest_of("music", label, "dog", "rain"))
    says = f"'music' is named, and {label!r} in {tmp_path}/manifest.csv holds this name"
    with pytest.raises(InputError) as caught:
        check_corpus(corpus, {})
    assert str(caught.value).startswith(f"configuration: corpus.target: {says}")
    with pytest.raises(InputError) as caught:
        build_corpus(corpus, 1)
    assert says in str(caught.value)
    corpus["target"] = "dog"
    with pytest.raises(InputError) as caught:
        check_corpus(corpus, {"own": ["music"]})
    assert str(caught.value).startswith(f"configuration: conditions.own.withhold: {says}")
    with pytest.raises(InputError, match="targets: 'music' is named"):
        check_corpus(corpus, {}, ["music"])
    check_corpus(corpus | {"target": ["music", label]}, {"own": ["music", label]})


def test_all_labels_that_hold_a_name_are_counted(tmp_path):
    labels = manifest_of("music", "Music", "music|dog", "MUSIC", "dog", "rain")
    with pytest.raises(InputError, match=r"'MUSIC' in .* \(and 2 more such labels\); spell"):
        check_corpus(recordings(tmp_path, labels), {})


def test_labels_that_only_look_like_lists_or_names_stay(tmp_path):
    labels = ["cattle", "Cat", "Music box", "musical", "Jingle (music)", "Livestock, farm animals"]
    corpus = recordings(tmp_path, manifest_of("music", "Cattle, bovinae", *labels))
    check_corpus(corpus, {"own": ["music", "Cattle, bovinae"]}, ["Cattle, bovinae", "Cat"])
    with pytest.raises(InputError, match="'cattle' is named, and 'Cattle, bovinae'"):
        check_corpus(corpus, {"own": ["cattle"]})


def test_accents_may_be_stored_in_either_way(tmp_path):
    """As one character (NFC), or as a letter and its accent (NFD), as macOS writes file names."""
    composed, apart = "Mus\u00edca", "Musi\u0301ca"
    corpus = recordings(tmp_path, manifest_of(composed, apart, "dog", "rain"), target=apart)
    check_corpus(corpus, {"own": [apart], "another": [composed]})
    tables = build_corpus(corpus, 1)
    assert tables.classes["name"].tolist() == [composed, "dog", "rain"]
    assert tables.summary["target"].sum() == 8


def test_a_single_class_is_nothing_to_learn(tmp_path):
    corpus = recordings(tmp_path, manifest_of("music", "dog"))
    says = r"conditions\.own\.withhold leaves a single class, 'dog'"
    with pytest.raises(InputError, match=says):
        check_corpus(corpus, {"own": ["music"]})
    check_corpus(corpus, {"own": []})


@pytest.mark.parametrize(
    ("cells", "alike"),
    [(["music", "dog;loud"], "dog + loud"), (["music;dog", "music", "rain"], "rain")],
)
def test_clips_whose_labels_are_all_alike_are_nothing_to_learn(tmp_path, cells, alike):
    corpus = recordings(tmp_path, manifest_of(*cells))
    check_corpus(corpus, {"own": ["music"]})
    _, branches, clips, _ = write_corpus(corpus, tmp_path)
    table = tmp_path / "conditions.tsv"
    with pytest.raises(InputError) as caught:
        summarise_conditions(
            clips,
            branches,
            table,
            withhold={"own": ["music"]},
            target="music",
            condition="own",
            withheld_others=[],
        )
    assert f"own.withhold leaves train clips that all have the labels {alike}," in str(caught.value)
    assert not table.exists()


def test_a_manifest_too_small_to_split(tmp_path):
    corpus = recordings(tmp_path, "path,labels,group\na.wav,music,x\nb.wav,dog,x\n")
    for count in (clip_counts, build_corpus):
        with pytest.raises(InputError, match=r"no clips in the t.* split; list more clips or"):
            count(corpus, 1)


def test_the_embedded_corpus():
    check_corpus(EMBEDDED, {"natural": ["Music", "Singing"]})
    classes, _, clips, summary = build_corpus(EMBEDDED, seed=1)
    assert set(classes["branch"][classes["target"]]) == {"Music"}
    assert classes["genre"].sum() >= 8
    assert (~classes["target"]).sum() >= 24
    assert set(clips["source"]) == {"embedded"}
    assert (summary[["target", "other", "mixed"]] > 0).all(axis=None)


@pytest.mark.parametrize("shard_clips", [1, 3, 4, 1000])
@pytest.mark.parametrize("source", ["audioset", "manifest", "embedded"])
def test_sizes_known_beforehand_are_those_built(audioset, tmp_path, source, shard_clips):
    corpus = {
        "audioset": audioset,
        "manifest": recordings(tmp_path, MUSIC_AND_DOGS),
        "embedded": EMBEDDED,
    }[source]
    corpus = {**corpus, "shard_clips": shard_clips}
    counts = clip_counts(corpus, seed=3)
    clips = build_corpus(corpus, seed=3).clips
    assert counts == clips["split"].value_counts().to_dict()
    assert clips["split"].is_monotonic_decreasing, "train comes before test"
    for split, own in clips.groupby("split"):
        sizes = own.groupby("shard").size()
        assert sizes.index.tolist() == [
            f"{shard:05d}" for shard in range(-(-counts[split] // shard_clips))
        ]
        assert (sizes[:-1] == shard_clips).all()
        assert own["shard"].is_monotonic_increasing


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["music", "dog", "music;dog"]),
            st.sampled_from(["", "a", "b", "c"]),
            st.sampled_from(["", "train", "test"]),
        ),
        min_size=1,
        max_size=20,
    ),
    seed=st.integers(0, 1000),
)
def test_a_manifest_is_counted_as_it_is_built(tmp_path_factory, rows, seed):
    text = "path,labels,group,split\n" + "".join(
        f"{place}.wav,{labels},{group},{'' if group else split}\n"
        for place, (labels, group, split) in enumerate(rows)
    )
    corpus = recordings(tmp_path_factory.mktemp("corpus"), text)
    try:
        clips = build_corpus(corpus, seed).clips
    except InputError:
        return
    assert clip_counts(corpus, seed) == clips["split"].value_counts().to_dict()


@pytest.mark.parametrize("source", ["audioset", "manifest", "embedded"])
def test_tables_read_back_and_are_the_same_every_time(audioset, tmp_path, source):
    corpus = {
        "audioset": audioset,
        "manifest": recordings(tmp_path, MUSIC_AND_DOGS),
        "embedded": EMBEDDED,
    }[source]
    built = build_corpus(corpus, seed=1)
    contents = []
    for folder in ("first", "second"):
        paths = write_corpus(corpus, tmp_path / folder)
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]
    for path, columns, table in zip(paths, (CLASSES, BRANCHES, CLIPS, SUMMARY), built, strict=True):
        read = read_table(path, columns)
        assert list(read.columns) == list(table.columns)
        for name in columns:
            same = (read[name] == table[name]) | (read[name].isna() & table[name].isna())
            assert same.all(), name


def test_sizes_are_known_without_pandas():
    code = (
        "import sys, music_detectors.corpus.sizes; "
        "sys.exit(', '.join({'pandas', 'scipy', 'h5py', 'torch'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
