"""Ontologies whose ids and names break tables, lists or terminals, and JSON that ends nowhere."""

import json
import random

import pytest

from attack.limits import ROUNDS, bounded
from music_detectors.common.errors import InputError
from music_detectors.corpus.ontology import load_ontology

NODES = [
    {"id": "/m/music", "name": "Music", "child_ids": ["/m/pop"]},
    {"id": "/m/pop", "name": "Pop music", "child_ids": []},
    {"id": "/m/rain", "name": "Rain", "child_ids": []},
]


def written(tmp_path, text):
    (tmp_path / "ontology.json").write_text(text, encoding="utf-8")
    return tmp_path / "ontology.json"


@pytest.mark.parametrize(
    "mid", ["/m/pop;/m/rain", "", " ", "/m/a b", "/m/\x1b[2J", "/m/a\n", "/m/\ud800", "x" * 101]
)
def test_an_id_is_of_few_characters(tmp_path, mid):
    for nodes in (
        [*NODES, {"id": mid, "name": "Odd", "child_ids": []}],
        [*NODES, {"id": "/m/odd", "name": "Odd", "child_ids": [mid]}],
    ):
        with pytest.raises(InputError, match="is not an id: 1 to 100 letters") as raised:
            load_ontology(written(tmp_path, json.dumps(nodes)))
        assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "name",
    ["", " ", "a\nb", "\x1b]0;x\x07", "\ud800", "Ra\u200bin", "\u202eniaR", "a;b", "x" * 201],
)
def test_a_name_can_be_shown(tmp_path, name):
    nodes = [*NODES, {"id": "/m/odd", "name": name, "child_ids": []}]
    with pytest.raises(InputError, match="a name has 1 to 200 characters that can") as raised:
        load_ontology(written(tmp_path, json.dumps(nodes)))
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[" * 100_000,
        "[" + "9" * 5000 + "]",
        '[{"id": NaN}]',
        "{}",
        "[]",
        "null",
        '"\\ud8"',
    ],
)
def test_json_that_is_none_is_one_line(tmp_path, text):
    with pytest.raises(InputError) as raised:
        bounded(load_ontology, written(tmp_path, text), seconds=10)
    assert str(raised.value).isprintable()


def test_random_damage_is_one_line_or_an_ontology(tmp_path):
    whole, draw = json.dumps(NODES * 1, indent=1), random.Random(3)

    def attack():
        refused = 0
        for _ in range(500 * ROUNDS):
            text = list(whole)
            for _ in range(draw.choice([1, 2, 10])):
                place = draw.randrange(len(text))
                text[place] = draw.choice(['"', ",", "\\", "9", "[", "", ";", "\x00", "é", "{"])
            try:
                load_ontology(written(tmp_path, "".join(text)))
            except InputError as error:
                refused += 1
                assert str(error).isprintable()
        return refused

    assert bounded(attack, seconds=60 * ROUNDS) > 100
