"""Further targets: their names in paths, what is refused, and the tables of clips and classes."""

import pytest

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.build import build_corpus
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.roles import assign_roles
from music_detectors.corpus.sizes import check_corpus
from music_detectors.corpus.targets import slug, target_name, targets_of

EMBEDDED = {
    "source": "embedded",
    "target": "Music",
    "genres": None,
    "withheld_clips": None,
    "shard_clips": 64,
    "ontology": None,
    "embedded": {"clips_per_class": {"train": 2, "test": 2}},
}
LABELLED = "path,labels,split\n" + "".join(
    f"{split}{number}.wav,{labels},{split}\n"
    for split in ("train", "test")
    for number, labels in enumerate(
        ["music", "music", "dog", "dog", "dog;loud", "loud", "loud", "music;dog"]
    )
)


@pytest.fixture(params=["embedded", "manifest"])
def corpus(request, tmp_path):
    """The section `corpus` with an ontology, and one without."""
    if request.param == "embedded":
        return EMBEDDED
    (tmp_path / "manifest.csv").write_text(LABELLED)
    return EMBEDDED | {
        "source": "manifest",
        "target": "music",
        "genres": None,
        "manifest": {
            "path": str(tmp_path / "manifest.csv"),
            "test_fraction": 0.5,
            "columns": None,
            "only": None,
        },
    }


def _assigned(corpus, target, folder):
    """The paths of the tables for `target`, made from those of `corpus`."""
    first = build_corpus(corpus, 1)
    write_table(folder / "clips.tsv", first.clips, CLIPS)
    write_table(folder / "classes.tsv", first.classes, CLASSES)
    paths = [folder / "own_clips.tsv", folder / "own_classes.tsv"]
    assign_roles(folder / "clips.tsv", folder / "classes.tsv", *paths, target=target, corpus=corpus)
    return paths


@pytest.mark.parametrize("several", [False, True])
def test_the_tables_are_those_of_a_corpus_with_that_target(corpus, tmp_path, several):
    name = "Animal" if corpus["source"] == "embedded" else "dog"
    target = [name, "Engine" if name == "Animal" else "loud"] if several else name
    clips, classes = _assigned(corpus, target, tmp_path)
    expected = build_corpus(corpus | {"target": target}, 1)
    assert read_table(clips, CLIPS).equals(expected.clips)
    assert read_table(classes, CLASSES).equals(expected.classes)
    assert set(expected.clips["role"]) == {"target", "other", "mixed"}


def test_genres_are_those_of_the_further_target(tmp_path):
    _, classes = _assigned(EMBEDDED | {"target": "Animal"}, "Music", tmp_path)
    assert read_table(classes, CLASSES)["genre"].sum() == 10


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("Musik", r"targets: 'Musik' is neither a name nor an id in .*; did you mean 'Music'\?"),
        ("/m/04rlf", "targets: '/m/04rlf' has the same classes as corpus.target; remove it"),
        ("Rain", r"targets: 'Rain' has [01] target and \d+ other clips in the train split"),
    ],
)
def test_a_target_is_refused_by_the_job(tmp_path, target, says):
    corpus = EMBEDDED | {"embedded": {"clips_per_class": {"train": 1, "test": 2}}}
    with pytest.raises(InputError, match=says):
        _assigned(corpus, target, tmp_path)
    assert not (tmp_path / "own_clips.tsv").exists()


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        (["Musik"], "targets: 'Musik' is neither"),
        (["Animal", "Music genre"], "targets: 'Music genre' has the same classes as corpus.target"),
        ([["Dog", "Cat"], ["Cat", "Dog"]], r"'Cat \+ Dog' has the same classes as 'Dog \+ Cat'"),
        (
            [["Music", "Human sounds", "Animal", "Natural sounds", "Sounds of things"]],
            "targets: Music .* covers every class in the embedded corpus",
        ),
    ],
)
def test_a_wrong_target_is_refused_before_any_job(targets, says):
    with pytest.raises(InputError, match=says):
        check_corpus(EMBEDDED, {}, targets)


def test_targets_that_differ_are_accepted():
    check_corpus(EMBEDDED, {}, ["Animal", "Dog", ["Dog", "Cat"], "/m/0838f"])


def test_names_in_paths():
    assert slug("Music") == "music"
    assert slug(["Musical instrument", "Singing"]) == "musical_instrument_singing"
    assert slug("/m/04rlf") == "m_04rlf"
    assert slug("Größe, 音") == "größe_音"
    assert len(slug(["Livestock, farm animals, working animals"] * 4)) <= 60
    assert target_name(["Music", "Singing"]) == "Music + Singing"


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        (["dog", "Dog"], r"'dog' and of 'Dog' would lie in one folder \(dog\)"),
        (["music!"], r"'Music' and of 'music!' would lie in one folder \(music\)"),
        (["?"], r"'\?' has no letter or digit"),
    ],
)
def test_names_that_cannot_be_told_apart_are_refused(targets, says):
    with pytest.raises(InputError, match=says):
        targets_of({"corpus": {"target": "Music"}, "targets": targets})


def test_the_first_target_comes_first():
    configuration = {"corpus": {"target": "Music"}, "targets": ["Animal", ["Dog", "Cat"]]}
    assert list(targets_of(configuration)) == ["music", "animal", "dog_cat"]
