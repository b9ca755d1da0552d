"""Configurations that no schema bounds: NaN, infinity, aliases without end, keys given twice."""

import copy
import json
import math
import random
from pathlib import Path

import pytest
import yaml

from attack.limits import ROUNDS, bounded
from music_detectors.audio.archive_paths import archive_paths
from music_detectors.common.errors import InputError
from music_detectors.configuration.check import check_sense, check_shape, kept_conditions
from music_detectors.configuration.plain import check_files
from music_detectors.corpus.sizes import check_corpus, clip_counts
from music_detectors.corpus.targets import targets_of
from music_detectors.models.find import check_conditions, with_models
from music_detectors.probes.settings import check_here, probe_sets
from music_detectors.stimuli.making.names import check_played
from support.configurations import DEFAULT, SCHEMA, changed

ROOT = Path(__file__).parents[2]


def numbers(value, path=()):
    """The dotted key of every number of a configuration."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, (*path, key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield ".".join(path)


@pytest.mark.parametrize("key", list(numbers(DEFAULT)))
@pytest.mark.parametrize("text", [".nan", ".inf", "-.inf"])
def test_no_number_may_be_other_than_finite(key, text):
    with pytest.raises(InputError, match=rf"^configuration: {key} is (nan|inf|-inf), which is no"):
        check_shape(changed(key, yaml.safe_load(text)), SCHEMA)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("lesions.fractions", [0.1, math.nan]),
        ("targets", [math.inf]),
        ("conditions.natural.snapshots", [math.nan]),
        ("probes.own", {"folder": math.nan}),
        ("unknown", {"deep": [[math.nan]]}),
    ],
)
def test_nor_in_a_list_or_below_a_key_that_may_have_any_name(key, value):
    with pytest.raises(InputError, match=r"which is no number to compute with"):
        check_shape(changed(key, value), SCHEMA)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("networks.seeds", 2.0, "networks.seeds must be a whole number"),
        ("conditions.natural.epochs", 8.0, "epochs must be a whole number"),
        ("networks.seeds", True, "networks.seeds must be a whole number"),
        ("corpus.name", "embedded\n", "corpus.name is a text with characters that cannot be shown"),
        ("conditions.natural\n", None, "is a name with characters that cannot be shown"),
        ("corpus.target", "Mu\x1b[2Jsic", "corpus.target is a text with characters that cannot"),
        ("corpus.name", "a" * 300, "corpus.name must be a folder name of at most 100"),
        ("conditions." + "a" * 300, None, "at most 60"),
        ("seed", 10**50, "seed must be a number of at most 18 digits"),
        ("decoding.units", -(10**50), "decoding.units must be a number of at most 18"),
        ("corpus.embedded.clips_per_class", {"train": 10**11, "test": 1}, "from 1 to 10 million"),
        ("corpus.audioset.clips", {"train": 10**11, "test": 1}, "from 1 to 10 million"),
        ("selectivity.permutations", 10**11, "from 100 to 10 million"),
        ("selectivity.bootstraps", 10**11, "from 100 to 10 million"),
        ("lesions.random_draws", 10**11, "from 20 to 100,000"),
        ("conditions.natural.epochs", 10**11, "from 0 to 100,000"),
        ("targets", ["x" * 10**6], "targets.0 is a text with characters that cannot be shown, or"),
        ("conditions", {7: None}, "conditions has the key 7, which is not a text; put quotes"),
    ],
)
def test_what_is_no_whole_number_or_name_is_one_line(key, value, says):
    with pytest.raises(InputError) as raised:
        bounded(check_shape, changed(key, value), SCHEMA)
    message = str(raised.value)
    assert says in message
    assert message.isprintable() and len(message) <= 2000


def test_a_corpus_of_more_shards_than_have_names_is_one_line_before_anything_runs():
    corpus = changed("corpus.embedded.clips_per_class", {"train": 10**7, "test": 1})["corpus"]
    with pytest.raises(InputError, match=r"corpus.shard_clips is .* there may be 100000"):
        bounded(clip_counts, corpus | {"shard_clips": 1}, 1, seconds=10, megabytes=100)


LONG = "x" * 300


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("audio.ffmpeg", LONG),
        ("corpus.withheld_clips", f"a/{LONG}"),
        ("corpus.ontology", f"{LONG}/a"),
        ("corpus.ontology", "/".join(["x" * 200] * 20)),
    ],
)
def test_a_path_that_is_too_long_is_no_file(key, value):
    with pytest.raises(InputError, match="and there is no such file"):
        check_sense(changed(key, value))


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(10 * [f'*{before}'])}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text", [BOMB, "targets: &a [*a]", "targets: &a {x: *a}", "a: " + "[" * 300 + "]" * 300]
)
def test_aliases_without_end_are_one_line(text):
    with pytest.raises(InputError, match=r"holds too much .*; look for aliases") as raised:
        bounded(check_shape, {**DEFAULT, **yaml.safe_load(text)}, SCHEMA, seconds=10, megabytes=200)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("name", "text", "key"),
    [
        ("a.yaml", "seed: 1\ncorpus: {name: a}\nseed: 2\n", r"seed \(line 3\)"),
        ("a.yaml", "claims:\n  alpha: 0.05\n  'alpha': 0.4\n", r"alpha \(line 3\)"),
        ("a.yaml", "x: [{a: 1, a: 2}]", r"a \(line 1\)"),
        ("a.json", '{"claims": {"alpha": 0.1, "alpha": 0.4}}', "alpha"),
    ],
)
def test_a_key_given_twice_is_named(tmp_path, name, text, key):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=rf"{name}: the key {key} is there twice; remove one"):
        check_files([tmp_path / name])


def test_every_file_of_the_project_has_each_key_once():
    check_files([ROOT / "config.yaml", *(ROOT / "config").glob("*.yaml")])


@pytest.mark.parametrize("text", [BOMB, "a: &a [*a]", "&a {b: *a}", "[" * 5000, "{", "? {a: 1}: 2"])
def test_looking_for_keys_given_twice_ends(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    bounded(check_files, [tmp_path / "a.yaml"], seconds=10, megabytes=200)


def test_random_configurations_end_in_one_line_or_are_used():
    """Values of any kind in the place of others, anywhere."""
    draw = random.Random(2)
    values = [None, True, -1, 0, 1, 2.5, 1e308, 10**15, "", "x", "Music", "\u202e", "/m/0", [], {}]
    values += [math.nan, -math.inf, [None], ["x"], {"x": 1}, {"model": "x"}, "a:b", [[]], LONG]

    def spots(value, path=()):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, below in inner:
            yield (*path, key)
            if isinstance(below, dict | list):
                yield from spots(below, (*path, key))

    places = list(spots(DEFAULT))

    def attack():
        ends = {"used": 0, "refused": 0}
        for _ in range(150 * ROUNDS):
            configuration = copy.deepcopy(DEFAULT)
            for _ in range(draw.choice([1, 1, 2])):
                *path, last = draw.choice(places)
                section = configuration
                try:
                    for key in path:
                        section = section[key]
                    section[last] = copy.deepcopy(draw.choice(values))
                except (TypeError, KeyError, IndexError):
                    continue
            try:
                # As rules/configuration.smk.
                check_shape(configuration, SCHEMA)
                check_sense(configuration)
                conditions = with_models(kept_conditions(configuration))
                check_conditions(conditions, configuration["selectivity"]["layer"])
                check_corpus(configuration["corpus"], {}, configuration["targets"])
                targets = targets_of(configuration)
                check_played(configuration["stimuli"], configuration["corpus"]["clip_seconds"])
                for probe in probe_sets(configuration["probes"], targets).values():
                    check_here(probe)
                archive_paths(configuration["audio"]["archives"])
                clip_counts(configuration["corpus"], configuration["seed"])
            except InputError as error:
                assert "\n" not in str(error), json.dumps(str(error))
                ends["refused"] += 1
            else:
                ends["used"] += 1
        return ends

    ends = bounded(attack, seconds=120 * ROUNDS, megabytes=600)
    assert ends["used"] and ends["refused"] > ends["used"]
