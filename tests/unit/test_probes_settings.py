"""The section `probes`: what a user writes, what built-in sets bring, and what is refused."""

import pytest

from music_detectors.common.errors import InputError
from music_detectors.probes.settings import check_here, files_here, probe_sets
from support.probe_sets import CATEGORIES, files, write_folder, write_zip

TARGETS = {"music": "Music", "speech": "Speech", "vehicle": "Vehicle"}
MINE = {"categories": "categories.csv", "target": ["Music", "Song"]}


def test_a_built_in_set_needs_nothing_and_null_drops_one():
    found = probe_sets({"natsound165": {}, "embedded": None}, TARGETS)
    (probe,) = found.values()
    assert probe.zip.startswith("https://github.com/snormanhaignere/natsound165-neuron2015/")
    assert (probe.categories, probe.profiles) == ("category_labels.csv", "components.mat")
    # Vehicle has no category of its own among the 165 sounds.
    assert probe.target == {"music": ["Music", "Song"], "speech": ["EngSpeech", "ForSpeech"]}
    check_here(probe)
    assert files_here(probe) == []


def test_a_copy_takes_the_place_of_the_download():
    found = probe_sets({"natsound165": {"folder": "copy"}}, TARGETS)["natsound165"]
    assert (found.folder, found.zip, found.profiles) == ("copy", None, "components.mat")
    assert probe_sets({"natsound165": {"zip": "copy.zip"}}, TARGETS)["natsound165"].folder is None


def test_a_made_set_has_no_place():
    assert probe_sets({"embedded": {}}, TARGETS)["embedded"].is_made


def test_a_list_of_categories_is_for_the_first_target():
    found = probe_sets({"mine": {"folder": "mine", **MINE}}, TARGETS)["mine"]
    assert found.target == {"music": ["Music", "Song"]}


def test_a_made_set_leaves_itself_out_if_it_has_nothing_of_any_target():
    assert probe_sets({"embedded": {}}, {"rock": "Rock"}) == {}
    # With one of several, it stays.
    (probe,) = probe_sets({"embedded": {}}, {"rock": "Rock", "speech": "Speech"}).values()
    assert probe.target == {"speech": ["Speech"]}


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("mine", {}, r"probes\.mine must have a folder or a zip.*embedded, natsound165"),
        ("mine", {"folder": "a", "zip": "b", **MINE}, r"probes\.mine has both a folder and a zip"),
        ("mine", {"folder": "a", "target": ["Music"]}, r"probes\.mine\.categories must name"),
        ("mine", {"folder": "a", "categories": "b"}, r"probes\.mine\.target must list"),
        ("mine", {"zip": "ftp://a/b.zip", **MINE}, r"probes\.mine\.zip is .* no http or https"),
        ("embedded", {"folder": "a"}, r"probes\.embedded has folder, but the workflow makes"),
        (
            "natsound165",
            {"target": {"Rock": ["Music"]}},
            r"probes\.natsound165\.target has no categories for Music, Speech, Vehicle",
        ),
        (
            "embedded",
            {"target": {"Rock": ["Song"]}},
            r"probes\.embedded\.target has no categories for Music, Speech, Vehicle",
        ),
    ],
)
def test_settings_that_contradict_are_one_line(name, given, says):
    with pytest.raises(InputError, match=f"^configuration: {says}") as raised:
        probe_sets({name: given}, TARGETS)
    assert "\n" not in str(raised.value)


def mine(tmp_path, kind="folder", more=None, settings=None):
    content = files(more=more or {})
    if kind == "folder":
        place = str(write_folder(tmp_path / "mine", content))
    else:
        place = str(write_zip(tmp_path / "mine.zip", content))
    return probe_sets({"mine": {kind: place, **MINE, **(settings or {})}}, TARGETS)["mine"]


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_whole_set_is_accepted_before_anything_runs(tmp_path, kind):
    probe = mine(tmp_path, kind, settings={"profiles": "components.mat"})
    check_here(probe)
    found = files_here(probe)
    if kind == "zip":
        assert found == [str(tmp_path / "mine.zip")]
    else:
        names = ["categories.csv", "components.mat", *(f"wav/{name}.wav" for name in CATEGORIES)]
        assert found == [str(tmp_path / "mine" / name) for name in names]


def test_tables_may_lie_elsewhere(tmp_path):
    (tmp_path / "mine.csv").write_bytes(files()["categories.csv"])
    settings = {"categories": str(tmp_path / "mine.csv")}
    probe = mine(tmp_path, more={"categories.csv": None}, settings=settings)
    check_here(probe)
    assert files_here(probe)[0] == str(tmp_path / "mine.csv")


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize(
    ("more", "settings", "says"),
    [
        ({"wav/rain.wav": None}, {}, r"mine(\.zip)?: has no file rain$"),
        ({"categories.csv": None}, {}, r"mine(\.zip)?: has no file categories\.csv"),
        ({"categories.csv": b"rain,\n"}, {}, r"categories\.csv, line 1: 'rain' has no category"),
        ({}, {"target": ["Musik"]}, r"probes\.mine\.target: no sound has the category 'Musik'"),
        ({}, {"profiles": "none.mat"}, r"mine(\.zip)?: has no file none\.mat"),
        ({"flac/rain.flac": b"other"}, {}, r"are different files, and both may be rain"),
    ],
)
def test_a_set_with_gaps_is_refused_before_anything_runs(tmp_path, kind, more, settings, says):
    probe = mine(tmp_path, kind, more, settings)
    with pytest.raises(InputError, match=says) as raised:
        check_here(probe)
    assert "\n" not in str(raised.value)


def test_a_missing_zip_is_named(tmp_path):
    probe = probe_sets({"mine": {"zip": "none.zip", **MINE}}, TARGETS)["mine"]
    with pytest.raises(InputError, match=r"probes\.mine\.zip is 'none\.zip', and there is no such"):
        check_here(probe)
