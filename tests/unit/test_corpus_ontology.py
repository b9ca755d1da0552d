"""The hierarchy of classes."""

import json

import pytest

from music_detectors.common.errors import InputError
from music_detectors.corpus.ontology import Ontology, load_ontology


def node(mid, name, *children):
    return {"id": mid, "name": name, "child_ids": list(children)}


# Bell hangs below Music and below Things; Things comes first.
NODES = [
    node("/t", "Things", "/b", "/w"),
    node("/m", "Music", "/g", "/i"),
    node("/g", "Music genre", "/j", "/r"),
    node("/j", "Jazz", "/s"),
    node("/s", "Swing"),
    node("/r", "Rock"),
    node("/i", "Instrument", "/b"),
    node("/b", "Bell"),
    node("/w", "Wind"),
    node("/w2", "Wind"),
]


@pytest.fixture
def ontology():
    return Ontology.from_nodes(NODES, "ontology.json")


def test_descendants_include_the_class_and_those_with_other_parents(ontology):
    assert ontology.descendants("/m") == {"/m", "/g", "/j", "/s", "/r", "/i", "/b"}
    assert ontology.descendants("/s") == {"/s"}


def test_a_class_is_found_by_name_or_id(ontology):
    assert ontology.known.find("Jazz", "here") == ontology.known.find("/j", "here") == "/j"


def test_of_several_parents_the_first_in_the_ontology_is_followed(ontology):
    assert ontology.topmost("/b") == "Things"
    assert ontology.topmost("/s") == "Music"
    assert ontology.topmost("/m") == "Music"


def test_genres_are_the_direct_children_of_the_genre_node(ontology):
    assert ontology.genres("/m") == {"/j", "/r"}
    assert ontology.genres("/t") == set()


def test_an_unknown_name_gets_a_suggestion(ontology):
    with pytest.raises(InputError) as error:
        ontology.known.find("musik", "configuration: corpus.target")
    assert str(error.value) == (
        "configuration: corpus.target: 'musik' is neither a name nor an id in ontology.json; "
        "did you mean 'Music'?"
    )
    with pytest.raises(InputError, match=r"'xyzzy' is neither a name nor an id in ontology.json$"):
        ontology.known.find("xyzzy", "here")


def test_a_name_of_two_classes_needs_the_id(ontology):
    with pytest.raises(InputError, match=r"'Wind' is the name of 2 classes .* /w or /w2"):
        ontology.known.find("Wind", "here")
    assert ontology.known.find("/w2", "here") == "/w2"


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([], "o: not an ontology"),
        ({"id": "/m"}, "o: not an ontology"),
        ("text", "o: not an ontology"),
        ([node("/m", "Music"), {"id": "/n", "name": "Noise"}], "o: class 2 in the list"),
        ([{"id": 1, "name": "Music", "child_ids": []}], "o: class 1 in the list"),
        ([{"id": "/m", "name": "Music", "child_ids": "/m"}], "o: class 1 in the list"),
        ([node("/m", "Music"), node("/m", "Noise")], "o: the id '/m' occurs twice"),
        ([node("/m", "Music", "/x")], "o: 'Music' has the child '/x', which is not a class"),
        ([node("/m", "Music", "/m")], r"o: 'Music' \(/m\) is its own ancestor"),
        (
            [node("/s", "S"), node("/a", "A", "/b"), node("/b", "B", "/a", "/s")],
            r"o: 'A' \(/a\) is its own ancestor",
        ),
    ],
)
def test_what_is_no_ontology_is_refused(nodes, message):
    with pytest.raises(InputError, match=message):
        Ontology.from_nodes(nodes, "o")


def test_a_class_behind_a_cycle_is_not_blamed_for_it():
    nodes = [node("/s", "S"), node("/a", "A", "/s", "/b"), node("/b", "B", "/a")]
    with pytest.raises(InputError, match="'A'"):
        Ontology.from_nodes(nodes, "o")


def test_reading_keeps_the_order_and_names_the_file(tmp_path):
    path = tmp_path / "ontology.json"
    path.write_text(json.dumps(NODES))
    ontology = load_ontology(path)
    assert list(ontology.names) == [each["id"] for each in NODES]
    assert ontology.origin == str(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[{"id": "/m"', "not JSON .*corpus.ontology takes AudioSet's ontology.json"),
        (b"", "not JSON"),
        (b"\xff\xfe[]", "not UTF-8 text"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "ontology.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path}: {message}"):
        load_ontology(path)


def test_a_missing_file_is_named_with_its_key(tmp_path):
    with pytest.raises(InputError, match=r"corpus.ontology is '.*none.json', and there is no such"):
        load_ontology(tmp_path / "none.json")
    with pytest.raises(InputError, match=r"corpus.ontology is .* which cannot be read"):
        load_ontology(tmp_path)
