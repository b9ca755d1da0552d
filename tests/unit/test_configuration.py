"""Configurations that cannot work are refused in one line; digests follow the code."""

import ast
import copy
from pathlib import Path

import pytest
from snakemake.cli import parse_config
from snakemake.utils import update_config

from music_detectors.common.errors import InputError
from music_detectors.configuration import code
from music_detectors.configuration.check import (
    check_sense,
    check_shape,
    kept_conditions,
    whole_schema,
)
from music_detectors.configuration.code import code_digest, modules_of
from support.configurations import DEFAULT, SCHEMA, changed


def given(files):
    """A condition whose responses another tool computed."""
    return {"model": "responses", "files": files}


def test_responses_of_another_tool_are_accepted():
    for files in ("{stimulus}/{split}.npz", "a/{seed}/{stimulus}.H5", "{stimulus}.parquet"):
        configuration = changed("conditions.theirs", given(files))
        check_shape(configuration, SCHEMA)
        check_sense(configuration)
    configuration = changed("stimuli.played", []) | {"probes": {"embedded": None}}
    configuration["conditions"] |= {"theirs": given("all.npz")}
    check_sense(configuration)


def test_the_default_configuration_is_accepted():
    check_shape(DEFAULT, SCHEMA)
    check_sense(DEFAULT)
    assert list(kept_conditions(DEFAULT)) == [
        "natural",
        "shuffled",
        "untrained",
        "gabor",
        "pca",
    ]


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("corpus.targett", "Music", "unknown key corpus.targett; did you mean target?"),
        ("zzz", 1, "unknown key zzz; there may be: seed, corpus"),
        ("networks.seeds", 0, "networks.seeds must be a whole number of replicates of at least 1"),
        ("networks.seeds", "five", 'not "five"'),
        ("networks.device", "tpu", "networks.device must be auto, cpu or cuda"),
        ("networks.learning_rate", 0, "networks.learning_rate must be a number above 0"),
        ("conditions.natural.labels", "random", "given, redrawn or permuted"),
        ("conditions.natural.keep", "first", "conditions.natural.keep must be best or last"),
        ("conditions.natural.snapshots", [-1], "must be a whole number of epochs of at least 0"),
        ("conditions.natural.snapshots", 3, "snapshots must be a list of epochs, such as [0, 1"),
        ("conditions.natural.withhold", True, "must be a list of branches, such as [Music, Sing"),
        ("networks.conditions", {}, "networks.conditions is now the section conditions, beside"),
        ("corpus.withheld", ["Music"], "corpus.withheld is now a list for each condition, such"),
        ("conditions.Natural", None, "is not a name of small letters"),
        ("selectivity.layer", 4, "selectivity.layer must be the name of a layer"),
        ("selectivity.fraction", 0, "selectivity.fraction must be a number above 0"),
        ("corpus.name", "a/b", "corpus.name must be a folder name"),
        ("corpus.source", "tape", "corpus.source must be audioset, embedded, fsd50k or manifest"),
        ("corpus.manifest", {"path": None}, "corpus.manifest.test_fraction is missing"),
        ("corpus.manifest.columns", {"path": "x"}, "corpus.manifest.columns.labels is missing"),
        ("corpus.manifest.columns", {"paths": "x", "labels": "y"}, "columns.paths; did you mean p"),
        (
            "corpus.manifest.columns",
            {"path": "x", "labels": {"column": "y", "values": {"1": 2}}},
            "corpus.manifest.columns.labels must be the name of a column, a text with such names",
        ),
        ("corpus.manifest.only", {"fold": 1.5}, "only.fold must be a value, or a list of values"),
        ("corpus.name", "..", "corpus.name must be a folder name"),
        ("corpus.target", [], "corpus.target must be a name or a list of names"),
        ("corpus.clip_seconds", True, "corpus.clip_seconds must be a number of seconds"),
        ("corpus", None, "corpus must be a mapping of keys, not null"),
        ("stimuli.played", "intact", "stimuli.played must be a list of different names"),
        ("stimuli.played", ["intact", 50], "stimuli.played.1 must be the name of a stimulus"),
        ("stimuli.compared_seconds", 1, "stimuli.compared_seconds must be a number of seconds"),
        (
            "quilts",
            {"segment_ms": [50, 400], "compared_seconds": 1.6},
            "quilts is now the section stimuli, which lists names; write stimuli: "
            "{played: [intact, quilt-50ms, quilt-100ms], compared_seconds: 8} for quilts:",
        ),
        (
            "claims.controls",
            ["untrained"],
            "claims.controls is now the section claims.compared, which says what part each",
        ),
        ("claims.compared.heard", ["full"], "unknown key claims.compared.heard"),
        ("claims.compared.controls", "untrained", "must be a list of names of conditions"),
        ("lesions.fractions", [], "lesions.fractions must be a list of different shares"),
        ("lesions.fractions", [0.6], "must be a share of the units above 0 and at most 0.5"),
        (
            "lesions.random_draws",
            5,
            "lesions.random_draws must be a whole number from 20 to 100,000",
        ),
        ("claims.alpha", 0.5, "claims.alpha must be a number above 0 and below 0.5"),
        ("claims.smallest_effects.lesions", 1, "did you mean lesion?"),
    ],
)
def test_a_wrong_shape_is_one_line_that_names_the_key(key, value, says):
    with pytest.raises(InputError) as raised:
        check_shape(changed(key, value), SCHEMA)
    message = str(raised.value)
    assert says in message
    assert message.startswith("configuration: ")
    assert "\n" not in message


def test_a_missing_key_is_named():
    configuration = copy.deepcopy(DEFAULT)
    del configuration["audio"]["ffmpeg"]
    with pytest.raises(InputError, match=r"audio\.ffmpeg is missing"):
        check_shape(configuration, SCHEMA)


def test_all_mistakes_are_told_at_once():
    configuration = changed("networks.seeds", 0)
    configuration["selectivity"]["layer"] = 4
    configuration["audio"]["folders"] = configuration["audio"].pop("folder")
    configuration["corpus"]["tone"] = configuration["corpus"]["clips"] = 1
    del configuration["claims"]["alpha"], configuration["claims"]["sounds"]
    with pytest.raises(InputError) as raised:
        check_shape(configuration, SCHEMA)
    message = str(raised.value)
    assert message.startswith("configuration: 7 mistakes: (1) ") and "\n" not in message
    for told in (
        "networks.seeds must be",
        "selectivity.layer must be",
        "unknown key audio.folders; did you mean folder?",
        "unknown key corpus.tone",
        "unknown key corpus.clips",
        "claims.alpha is missing",
        "claims.sounds is missing",
    ):
        assert message.count(told) == 1
    # Once as unknown is enough.
    assert "audio.folder is missing" not in message


def test_all_impossible_combinations_are_told_at_once():
    configuration = changed("corpus.source", "audioset")
    configuration["corpus"]["withheld_clips"] = "no/such.txt"
    configuration["audio"]["sources"] = ["folder", "archives"]
    configuration["conditions"]["natural"]["snapshots"] = [9]
    configuration["claims"]["compared"]["controls"] = ["natural", "mirrored"]
    check_shape(configuration, SCHEMA)
    with pytest.raises(InputError) as raised:
        check_sense(configuration)
    message = str(raised.value)
    assert "\n" not in message and message.startswith("configuration: 10 mistakes: (1) ")
    for told in (
        "corpus.audioset.classes must be",
        "corpus.audioset.train_segments must be",
        "corpus.audioset.test_segments must be",
        "corpus.ontology must be",
        "audio.folder must be",
        "audio.archives must list",
        "corpus.withheld_clips is 'no/such.txt'",
        "conditions.natural.snapshots is [9]",
        "claims.compared.controls names natural",
        "claims.compared.controls names mirrored",
    ):
        assert message.count(told) == 1


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ("corpus={clip_seconds: 2}", True),
        ("audio={silence_db: -70}", True),
        ("stimuli={padded: true}", True),
        ("corpus={withheld_clips: null}", True),
        ("targets=[Speech]", False),
        ("seed=3", False),
        ("networks={device: gpu}", None),
    ],
)
def test_a_text_that_the_command_line_gives_for_a_number_is_explained(entry, wrong):
    configuration = copy.deepcopy(DEFAULT)
    update_config(configuration, parse_config([entry]))
    if wrong is False:
        check_shape(configuration, SCHEMA)
        return
    with pytest.raises(InputError) as raised:
        check_shape(configuration, SCHEMA)
    assert ("as all that --config gives within {} is: write it" in str(raised.value)) is bool(wrong)


def test_a_misspelt_key_is_reported_before_the_missing_one():
    configuration = copy.deepcopy(DEFAULT)
    configuration["networks"]["seed"] = configuration["networks"].pop("seeds")
    with pytest.raises(InputError, match=r"unknown key networks\.seed; did you mean seeds"):
        check_shape(configuration, SCHEMA)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("corpus.source", "manifest", r"corpus\.manifest\.path must be a path"),
        (
            "corpus",
            DEFAULT["corpus"]
            | {
                "source": "manifest",
                "manifest": DEFAULT["corpus"]["manifest"]
                | {"path": "config.yaml", "only": {"fold": 1}},
            },
            r"corpus\.manifest\.only needs corpus\.manifest\.columns",
        ),
        ("corpus.source", "audioset", r"corpus\.audioset\.classes must be a path"),
        ("corpus.ontology", "no/such.json", r"corpus\.ontology is 'no/such.json'"),
        ("corpus.withheld_clips", "no/such.txt", r"corpus\.withheld_clips is"),
        ("audio.ffmpeg", "no/ffmpeg", r"audio\.ffmpeg is"),
        ("audio.min_seconds", 30, r"audio\.min_seconds is 30, more than the 3.5 s of corpus\.clip"),
        ("conditions", {"natural": None}, "conditions names no condition"),
        (
            "conditions.natural.snapshots",
            [1, 0],
            r"natural\.snapshots is \[1, 0\]; it must list .*",
        ),
        ("conditions.natural.snapshots", [9], r"at most conditions\.natural\.epochs, which is 8"),
        ("conditions.bands", {"model": "a:B", "snapshots": [0]}, "bands lacks withhold, labels, e"),
        ("conditions.bands", {"model": "a:B", "files": "a.npz"}, "files is only for a condition"),
        ("conditions.theirs", {"model": "responses"}, r"theirs\.files is missing; it says where"),
        (
            "conditions.theirs",
            {"model": "responses", "files": "{stimulus}.npz", "epochs": 0, "withhold": []},
            "theirs.model is responses, whose responses another tool computed: leave out epochs, w",
        ),
        ("conditions.theirs", given("a/{split}.npz"), "{stimulus} where .* plays intact too"),
        ("conditions.theirs", given("{stimulus}.csv"), "must end with .h5, .hdf5, .npz, .parquet"),
        ("conditions.theirs", given("{stimulus}/{shard}.npz"), "only stimulus, split, seed"),
        ("conditions.theirs", given("{stimulus!r}.npz"), "only stimulus, split, seed"),
        ("conditions.theirs", given("{stimulus"), "only stimulus, split, seed"),
        ("conditions.theirs", given("{}/{stimulus}.npz"), "only stimulus, split, seed"),
        ("claims.condition", "trained", r"claims\.condition is trained.*natural, shuffled"),
        (
            "claims.compared.controls",
            ["natural"],
            r"claims\.compared\.controls names natural, which is no other",
        ),
        ("claims.compared.shuffled", ["gabor"], "names gabor, whose model is not trained"),
        ("claims.compared.shuffled", ["mirrored"], r"claims\.compared\.shuffled names mirrored"),
    ],
)
def test_an_impossible_combination_names_the_key(key, value, says):
    configuration = changed(key, value)
    check_shape(configuration, SCHEMA)
    with pytest.raises(InputError, match=says):
        check_sense(configuration)


def test_audioset_needs_an_ontology_and_a_folder(tmp_path):
    for name in ("classes", "train", "test", "ontology"):
        (tmp_path / name).touch()
    configuration = changed("corpus.source", "audioset")
    configuration["corpus"]["audioset"] = {
        "classes": str(tmp_path / "classes"),
        "train_segments": str(tmp_path / "train"),
        "test_segments": str(tmp_path / "test"),
    }
    with pytest.raises(InputError, match=r"corpus\.ontology must be"):
        check_sense(configuration)
    configuration["corpus"]["ontology"] = str(tmp_path / "ontology")
    with pytest.raises(InputError, match=r"audio\.folder must be a folder"):
        check_sense(configuration)
    configuration["audio"]["folder"] = str(tmp_path)
    check_sense(configuration)


def test_sources_need_the_folder_or_archives_they_search(tmp_path):
    with pytest.raises(InputError, match=r"audio\.sources must be a list of folder, archives"):
        check_shape(changed("audio.sources", ["folder", "folder"]), SCHEMA)
    with pytest.raises(InputError, match=r"audio\.sources\.0 must be folder, archives or youtube"):
        check_shape(changed("audio.sources", ["wax"]), SCHEMA)
    configuration = changed("corpus.source", "audioset")
    (tmp_path / "file").touch()
    for key in ("classes", "train_segments", "test_segments"):
        configuration["corpus"]["audioset"][key] = str(tmp_path / "file")
    configuration["corpus"]["ontology"] = str(tmp_path / "file")
    configuration["audio"]["sources"] = ["archives"]
    with pytest.raises(InputError, match=r"audio\.archives must list"):
        check_sense(configuration)
    configuration["audio"]["archives"] = ["a.tar"]
    check_sense(configuration)


def test_fsd50k_needs_its_folder_and_an_ontology(tmp_path):
    configuration = changed("corpus.source", "fsd50k")
    with pytest.raises(InputError, match=r"corpus\.fsd50k\.folder must be a path"):
        check_sense(configuration)
    configuration["corpus"]["fsd50k"]["folder"] = str(tmp_path)
    with pytest.raises(InputError, match=r"holds no folder FSD50K\.ground_truth"):
        check_sense(configuration)
    (tmp_path / "FSD50K.ground_truth").mkdir()
    with pytest.raises(InputError, match=r"corpus\.ontology must be .* fsd50k"):
        check_sense(configuration)


@pytest.mark.parametrize("key", ["cookies", "deno"])
def test_files_that_youtube_needs_must_exist(tmp_path, key):
    configuration = changed("corpus.source", "audioset")
    place = {name: str(tmp_path / name) for name in ("classes", "train_segments", "test_segments")}
    configuration["corpus"]["audioset"].update(place)
    configuration["corpus"]["ontology"] = str(tmp_path / "ontology")
    for name in (*place, "ontology"):
        (tmp_path / name).touch()
    configuration["audio"]["sources"] = ["youtube"]
    check_sense(configuration)
    configuration["audio"]["youtube"][key] = str(tmp_path / "none")
    with pytest.raises(InputError, match=rf"audio\.youtube\.{key} is .*no such file"):
        check_sense(configuration)


def test_the_schema_describes_every_key_and_contains_no_default():
    text = SCHEMA.read_text()
    assert "default:" not in text

    def compare(schema, value, path):
        if "properties" in schema and value is None:
            assert "null" in schema["type"], path
        elif "properties" in schema:
            assert set(schema["properties"]) == set(value), path
            assert set(schema["required"]) == set(value), path
            for name, part in schema["properties"].items():
                compare(part, value[name], [*path, name])

    schema = whole_schema(DEFAULT, SCHEMA)
    # Only the section of the configured source is required.
    schema["properties"]["corpus"]["required"] += ["audioset", "fsd50k", "manifest"]
    compare(schema, DEFAULT, [])


def tree(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root / "script.py"


# Wherever a statement may stand.
PLACES = "class if else for while with try except finally case async line list".split()
NESTED = """\
class A:
    from package import in_class
if x:
    from package import in_if
elif y:
    pass
else:
    from package import in_else
for x in y:
    import package.in_for
while x:
    import package.in_while
with x:
    import package.in_with
try:
    from . import in_try
except E:
    from . import in_except
finally:
    from .in_finally import x
match x:
    case 1:
        import package.in_case
async def f():
    import package.in_async
if x: import os; import package.in_line as y
from package \\
    import (  # comments (of any kind),
        x,  # in_none
        in_list as y,
    )
"""
MODULES = {
    "script.py": "from package import a\nimport os\n",
    "package/__init__.py": "",
    "package/a.py": "from .sub.b import f\n",
    "package/sub/__init__.py": "",
    "package/sub/b.py": "def f():\n    import package.late\n",
    "package/late.py": NESTED,
    **{f"package/in_{place}.py": "x = 1\n" for place in PLACES},
    "package/apart.py": "y = 1\n",
    "other.py": "z = 1\n",
}


def test_modules_are_found_from_the_imports(tmp_path):
    found = modules_of(tree(tmp_path, MODULES))
    assert {path.relative_to(tmp_path).as_posix() for path in found} == set(MODULES) - {
        "package/apart.py",
        "other.py",
    }


def test_a_list_that_does_not_end_is_read_to_its_line(tmp_path):
    # Each comment could be split in many ways.
    endless = "import package.late\nfrom package import (a,\n" + "    # a comment\n    b,\n" * 1000
    found = modules_of(tree(tmp_path, MODULES | {"script.py": endless}))
    assert {"a.py", "late.py"} <= {path.name for path in found}


def test_the_imports_of_this_project_are_those_that_python_sees():
    root = Path(code.__file__).parents[2]
    for path in sorted(root.rglob("*.py")):
        names = set()
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                package = [*path.relative_to(root).parts[: -node.level], ""] if node.level else [""]
                base = ".".join(package) + (node.module or "")
                base = base.rstrip(".")
                names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        found = set(code._imported(path.read_text(), path))
        assert names <= found, path
        # The rest reads like an import: this project's lines that do name no module of it.
        assert not [name for name in found - names if name.startswith("music_detectors")], path


def test_a_module_that_is_imported_by_name_is_added_with_its_own_imports(tmp_path):
    further = {"package/apart.py": "import package.further\n", "package/further.py": ""}
    script = tree(tmp_path, MODULES | further)
    apart = tmp_path / "package/apart.py"
    added = {path.name for path in modules_of(script, apart) - modules_of(script)}
    assert added == {"apart.py", "further.py"}
    assert code_digest(script, apart) != code_digest(script)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_the_digest_changes_with_what_is_imported_only(tmp_path, name):
    before = code_digest(tree(tmp_path / "before", MODULES))
    same = code_digest(tree(tmp_path / "same", MODULES))
    after = code_digest(tree(tmp_path / "after", MODULES | {name: MODULES[name] + "w = 2\n"}))
    assert same == before
    assert (after != before) == (name not in ("package/apart.py", "other.py"))


def test_only_networks_of_others_say_what_they_were_trained_on():
    configuration = changed("conditions.gabor.trained_on", "nothing")
    check_shape(configuration, SCHEMA)
    check_sense(configuration)
    for value in ("", "x" * 301, 3):
        with pytest.raises(InputError, match=r"gabor\.trained_on must be what a network of others"):
            check_shape(changed("conditions.gabor.trained_on", value), SCHEMA)
    configuration = changed("conditions.natural.trained_on", "speech")
    with pytest.raises(
        InputError, match=r"conditions\.natural\.trained_on is for a network that is not trained"
    ):
        check_sense(configuration)
