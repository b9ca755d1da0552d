"""The page of all units: its numbers, its sounds, and how it behaves in a browser."""

import base64
import gzip
import json
import re

import numpy as np
import pytest

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.embedding.columns import EMBEDDING_POINTS
from music_detectors.report.explorer.answers import LEAST, MOST, Asked, answers_of
from music_detectors.report.explorer.heard import Heard, cut_sounds, use_of, wanted
from music_detectors.report.explorer.packed import STEPS, packed_points, rounded
from music_detectors.report.explorer.page import explore_units
from music_detectors.responses.files import read_responses
from music_detectors.selectivity.columns import UNITS
from support.browser import browser
from support.explored import HOSTILE, LICENCE, explored

LAYERS = {"first": 3, "second": 16}


@pytest.fixture
def inputs(tmp_path):
    return explored(tmp_path / "run", layers=LAYERS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The arguments of a page that is written."""
    arguments = explored(tmp_path_factory.mktemp("explored"), layers=LAYERS)
    explore_units(**arguments)
    return arguments


@pytest.fixture(scope="module")
def tab(made, tmp_path_factory):
    """A browser; each test opens the page anew and looks at its errors."""
    with browser(tmp_path_factory.mktemp("browser")) as opened:
        opened.window(1200, 900)
        yield opened


def part(page, name):
    return re.search(rf'id="{name}">(.*?)</script>', page.read_text(), re.S)[1]


def asked(inputs, **more):
    clips = read_table(inputs["clips"], CLIPS)
    ids = clips["clip_id"].tolist()
    labels = np.stack(
        [clips["labels"].str.split(";").map(lambda own, m=m: m in own) for m in MIDS], 1
    )
    return Asked(
        **{
            "original": "original",
            "clip_ids": ids,
            "labels": labels,
            "groups": np.arange(len(ids)) // 2,
            "probes": {"probe-mine": [f"sound {number}" for number in range(3)]},
            "quilts": ["intact", "quilt-50ms"],
            "compared": clips.head(10)[["clip_id", "role"]],
        }
        | more
    )


MIDS = [f"/m/{number}" for number in range(5)]


def paths_of(inputs):
    stimuli = ["original", "probe-mine", *inputs["quilts"]]
    return dict(zip(stimuli, inputs["responses"], strict=False))


def test_answers_are_the_means_of_what_the_files_hold(inputs):
    question = asked(inputs)
    selective = np.arange(16) >= 14
    found = answers_of(paths_of(inputs), "second", selective, question)

    def responses(stimulus):
        values = read_responses(paths_of(inputs)[stimulus])[1]["second"].astype(float)
        return np.column_stack([values, values[:, selective].mean(axis=1)])

    own = responses("original")
    for column, mid in enumerate(MIDS[:4]):
        chosen = question.labels[:, column]
        assert chosen.any(), mid
        np.testing.assert_allclose(found.means[:, column], own[chosen].mean(axis=0), rtol=1e-5)
    # No clip has the last class.
    assert np.isnan(found.means[:, 4]).all()
    np.testing.assert_allclose(found.means[:, 5:8], responses("probe-mine").T, rtol=1e-5)
    roles = question.compared["role"].to_numpy()
    for place, quilt in enumerate(("intact", "quilt-50ms")):
        for further, role in enumerate(("target", "other")):
            means = responses(quilt)[:10][roles == role].mean(axis=0)
            column = found.means[:, 8 + 2 * place + further]
            np.testing.assert_allclose(column, means, rtol=1e-5)
    # Of each recording, the clip with the largest, or the smallest, response.
    by_recording = own.reshape(12, 2, 17)
    most = np.sort(by_recording.max(axis=1), axis=0)[::-1][:MOST]
    least = np.sort(by_recording.min(axis=1), axis=0)[:LEAST]
    np.testing.assert_allclose(found.responses.T, np.vstack([most, least]), rtol=1e-6)
    np.testing.assert_allclose(
        np.take_along_axis(own, found.clips.T, axis=0), found.responses.T, rtol=1e-6
    )


def test_a_unit_has_fewer_clips_where_there_are_few_recordings(inputs):
    question = asked(inputs, groups=np.arange(24) // 12)
    found = answers_of(paths_of(inputs), "first", np.array([True, False, False]), question)
    assert (found.clips[:, :2] >= 0).all() and (found.clips[:, 2:MOST] == -1).all()


def test_a_layer_without_selective_units_has_no_mean_of_them(inputs):
    found = answers_of(paths_of(inputs), "first", np.zeros(3, dtype=bool), asked(inputs))
    assert np.isnan(found.means[3]).all() and (found.clips[3] == -1).all()
    assert not np.isnan(found.means[:3, :4]).any() and (found.clips[:3] >= 0).all()


def test_rounding_is_what_the_page_says():
    values = np.random.default_rng(0).normal(size=(5, 200)).astype(np.float32)
    values[1, 3] = np.nan
    values[2] = 0.5
    values[3] = np.nan
    steps, ends = rounded(values)
    again = ends[:, :1] + np.diff(ends, axis=1) * (steps / np.float32(STEPS))
    again[steps == 255] = np.nan
    half = np.diff(ends, axis=1) / STEPS / 2 + 1e-6
    assert (np.isnan(again) == np.isnan(values)).all()
    assert (np.abs(again - values) <= half)[np.isfinite(values)].all()


def test_points_keep_their_shape():
    x, y = np.array([0.0, 4, np.nan]), np.array([1.0, 3, np.nan])
    steps = np.frombuffer(gzip.decompress(base64.b64decode(packed_points(x, y))), "<i2")
    assert steps.tolist() == [-32_000, 32_000, -32_768, -16_000, 16_000, -32_768]


def test_which_sounds_are_worth_most():
    labels = np.array([[1, 0], [1, 1], [0, 1], [1, 0], [0, 1]], dtype=bool)
    probes = [Heard("bell", ("", ""), "mine")]

    def clip(place):
        return None if place == 4 else Heard(str(place), ("", ""))

    use = use_of([np.array([[3, 4, -1], [3, 1, 4]]), np.array([[4, 2, -1]])])
    assert use == {3: 2, 4: 3, 1: 1, 2: 1}
    names = [one.name for one in wanted(use, labels, clip, probes)]
    # In turn: the most used that may be played, one of the first class, the probe set's, and so on.
    assert names == ["3", "0", "bell", "1", "2"]


def test_sounds_keep_to_their_limit_and_to_their_level(inputs):
    sounds = [Heard(f"clip-{number:05d}", ("CC0", "")) for number in range(12)]
    audio, probes = inputs["audio"], {"mine": inputs["probe_sounds"][0]}
    everything = cut_sounds(iter(sounds), audio, probes, 0.1, 10)
    assert list(everything) == sounds
    sizes = [len(ogg) for _, ogg in everything.values()]
    some = cut_sounds(iter(sounds), audio, probes, 0.1, sum(sizes[:5]) / 1e6)
    assert list(some) == sounds[:5] or len(some) < 5
    assert sum(len(ogg) for _, ogg in some.values()) <= sum(sizes[:5])
    assert cut_sounds(iter(sounds), audio, probes, 0.1, 0) == {}


def test_only_what_is_licensed_is_in_the_page(inputs):
    manifest = inputs["source"]["manifest"]["path"]
    with open(manifest, "w") as file:
        file.write("path\tclip_id\tlabels\tlicence\tattribution\n")
        file.write(f"a.wav\tclip-00003\tx\t{LICENCE}\tAnn\na.wav\tclip-00004\tx\t\tBob\n")
    explore_units(**inputs | {"made_probes": []})
    about = json.loads(part(inputs["page"], "about"))
    assert [one["name"] for one in about["sounds"]] == ["clip-00003"]
    assert about["sounds"][0]["terms"] == f"Ann; {LICENCE}"
    terms = {"made_probes": [], "probe_terms": [("CC0", "")]}
    explore_units(**inputs | terms)
    about = json.loads(part(inputs["page"], "about"))
    assert [one["name"] for one in about["sounds"] if one["probe"]] == [
        f"sound {number}" for number in range(3)
    ]
    explore_units(**inputs | {"sound": "none"})
    assert json.loads(part(inputs["page"], "about"))["sounds"] == []
    explore_units(**inputs | {"made_probes": [], "sound": "all"})
    assert len(json.loads(part(inputs["page"], "about"))["sounds"]) == 24 + 3


def test_the_same_inputs_make_the_same_page(made, tmp_path):
    again = tmp_path / "again.html"
    explore_units(**made | {"page": again})
    assert again.read_bytes() == made["page"].read_bytes()


def test_a_file_that_does_not_belong_to_the_others_is_one_clear_line(inputs):
    units = read_table(inputs["units"][0], UNITS)
    write_table(inputs["units"][0], units.drop(index=5), UNITS)
    with pytest.raises(InputError, match=r"untrained-1\.tsv: .*does not have the units of second"):
        explore_units(**inputs)
    write_table(inputs["units"][0], units[units["unit"] < 15], UNITS)
    with pytest.raises(
        InputError, match=r"original\.h5: .*16 units of second, but units.tsv has 15"
    ):
        explore_units(**inputs)
    write_table(inputs["units"][0], units, UNITS)
    wrong = [inputs["responses"][1], *inputs["responses"][1:]]
    with pytest.raises(InputError, match=r"probe-mine\.h5: .*not among the test clips"):
        explore_units(**inputs | {"responses": wrong})
    wrong = [inputs["responses"][0], *inputs["responses"][0:1], *inputs["responses"][2:]]
    with pytest.raises(InputError, match=r"original\.h5: .*lacks clip sound 0"):
        explore_units(**inputs | {"responses": wrong})
    clips = read_table(inputs["clips"], CLIPS)
    write_table(inputs["clips"], clips.assign(labels="/m/unknown"), CLIPS)
    with pytest.raises(InputError, match=r"clips\.tsv: .*no class of the corpus"):
        explore_units(**inputs)


def test_the_page_runs_its_own_code_alone(made):
    page = made["page"].read_text()
    assert "default-src 'none'" in page and "unsafe-eval" not in page
    code = page.rpartition("<script>")[2].partition("</script>")[0]
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "fetch(",
    ):
        assert way not in code
    assert HOSTILE not in page and "<img" not in page


def texts(tab, selector):
    return tab.run(f"[...document.querySelectorAll('{selector}')].map((one) => one.textContent)")


def column(tab, number):
    return texts(tab, f"#table tbody td:nth-child({number})")


def test_it_opens_without_errors(tab, made):
    tab.open(made["page"])
    assert texts(tab, "h1") == ["Every unit of the networks: made-up"]
    assert texts(tab, "#count") == ["16 of 38 units"]
    assert texts(tab, "#chosen") == ["natural, network 1, second: mean of the selected units"]
    # The unit with the largest number has the first rank.
    assert column(tab, 1)[:2] == ["Unit 15", "Unit 14"]
    assert tab.run("document.getElementById('failed').hidden")
    assert tab.errors == []


def test_the_table_is_sorted_and_filtered(tab, made):
    tab.open(made["page"])
    units = read_table(made["units"][1], UNITS)
    own = units[units["layer"] == "second"].reset_index(drop=True)
    heads = texts(tab, "#table th")
    auc = heads.index("AUC") + 1
    click = f"document.querySelector('#table th:nth-child({auc}) button').click()"
    for ascending in (True, False):
        tab.run(click)
        order = own.sort_values("test_auc", ascending=ascending).head(12)
        assert column(tab, 1) == [f"Unit {unit}" for unit in order["unit"]]
        assert column(tab, auc) == [f"{value:.3f}" for value in order["test_auc"]]
    said = tab.run(f"document.querySelector('#table th:nth-child({auc})').ariaSort")
    assert said == "descending"
    tab.run("document.getElementById('after').click()")
    assert len(column(tab, 1)) == 4

    def fill(name, value):
        tab.run(
            f"(() => {{ const one = document.getElementById('{name}'); one.value = '{value}';"
            "one.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )

    fill("least-auc", 0.5)
    assert texts(tab, "#count") == [f"{(own['test_auc'] >= 0.5).sum()} of 38 units"]
    tab.run("document.getElementById('selected').click()")
    both = (own["test_auc"] >= 0.5) & own["selective"]
    assert texts(tab, "#count") == [f"{both.sum()} of 38 units"]
    tab.run("document.querySelector('#filters [type=reset]').click()")
    tab.wait("document.getElementById('count').textContent === '38 of 38 units'")
    # A missing value is last, whatever the order.
    partial = heads.index("Partial d") + 1
    for _ in range(2):
        tab.run(f"document.querySelector('#table th:nth-child({partial}) button').click()")
        tab.run(
            "while (!document.getElementById('after').disabled)"
            " document.getElementById('after').click()"
        )
        assert column(tab, partial)[-1] == "–"
    assert tab.errors == []


def test_a_chosen_unit_shows_what_it_answers(tab, made):
    tab.open(made["page"])
    tab.run("document.querySelector('#table tbody button').click()")
    tab.wait("document.getElementById('chosen').textContent.endsWith('unit 15')")
    question = asked(made, quilts=[])
    answers = answers_of(paths_of(made), "second", np.arange(16) >= 14, question)
    means = answers.means[15]
    shown = dict(zip(texts(tab, "#classes .name"), texts(tab, "#classes .n"), strict=True))
    assert list(shown)[-1] == "Class 4" and shown["Class 4"] == "–"
    span = float(np.nanmax(means) - np.nanmin(means))
    assert float(shown["Tunes"]) == pytest.approx(float(means[0]), abs=span / 500 + 0.005)
    assert HOSTILE in shown
    assert len(texts(tab, "#probe-0 .name")) == 3
    assert len(texts(tab, "#clips li")) == MOST + LEAST
    assert texts(tab, "#quilts tbody td")[::3] == ["50 ms", "800 ms", "intact"]
    # The address leads to the same unit.
    fragment = tab.run("location.hash")
    assert fragment == "#natural/1/second/15"
    tab.open(made["page"], "#untrained/1/first/2")
    assert texts(tab, "#chosen") == ["untrained, network 1, first: unit 2"]
    tab.open(made["page"], "#nobody/%E0%A4%A/first/2")
    assert tab.errors == []


PLAYS = (
    "!document.getElementById('audio').paused && document.getElementById('audio').currentTime > 0"
)


def test_a_click_plays_a_class_a_probe_sound_a_clip_and_a_point(tab, made):
    tab.open(made["page"])
    for selector in ("#classes .bar[aria-disabled=false]", "#probe-0 .bar", "#clips button"):
        tab.run("document.getElementById('audio').pause()")
        tab.run(f"document.querySelector('{selector}').click()")
        tab.wait(PLAYS)
    assert texts(tab, "#terms") == [f"Ann <b>; {LICENCE}"]
    tab.run("document.querySelector('#probe-0 .bar').click()")
    assert texts(tab, "#terms") == ["synthesised by this workflow"]
    tab.run("document.getElementById('audio').pause()")
    tab.run("document.getElementById('points').scrollIntoView({block: 'center'})")
    # The keyboard finds a point that can be played.
    tab.run("document.getElementById('points').focus()")
    tab.press("ArrowRight")
    assert "clip-" in texts(tab, "#pointed")[0]
    tab.press("Enter")
    tab.wait(PLAYS)
    tab.run("document.getElementById('audio').pause()")
    left, top, width, height = tab.run(
        "(() => { const r = document.getElementById('points').getBoundingClientRect();"
        "return [r.left, r.top, r.width, r.height]; })()"
    )
    points = read_table(made["points"][0], EMBEDDING_POINTS)
    centred = points[["x", "y"]] - (points[["x", "y"]].max() + points[["x", "y"]].min()) / 2
    shares = centred / centred.abs().max().max() * (min(width, height) / 2 - 14)
    # The one that is farthest to the right has no other beside it.
    farthest = shares["x"].idxmax()
    tab.click(left + width / 2 + shares["x"][farthest], top + height / 2 - shares["y"][farthest])
    assert points["clip_id"][farthest] in texts(tab, "#pointed")[0]
    tab.wait(PLAYS)
    # A class without clips plays nothing, and says so.
    assert tab.run("document.querySelector('#classes .bar:last-child').ariaDisabled") == "true"
    assert tab.errors == []


def test_the_next_clip_of_a_class(tab, made):
    tab.open(made["page"])
    tab.run(
        "[...document.querySelectorAll('#classes .bar')]"
        ".find((one) => one.title.startsWith('Tunes')).click()"
    )
    assert texts(tab, "#place")[0].endswith("1 of 6")
    tab.run("document.getElementById('later').click()")
    assert texts(tab, "#place")[0].endswith("2 of 6") and texts(tab, "#playing") == ["Tunes"]
    tab.run(
        "document.getElementById('earlier').click(); document.getElementById('earlier').click()"
    )
    assert texts(tab, "#place")[0].endswith("6 of 6")


def test_the_keyboard_reaches_every_bar(tab, made):
    tab.open(made["page"])
    tab.run("document.querySelector('#classes .bar').focus()")
    tab.press("ArrowDown")
    assert (
        tab.run("[...document.querySelectorAll('#classes .bar')].indexOf(document.activeElement)")
        == 1
    )
    tab.press("End")
    assert tab.run("document.activeElement === document.querySelector('#classes .bar:last-child')")
    assert tab.run("document.querySelectorAll('#classes .bar[tabindex=\"0\"]').length") == 1


def test_a_hostile_name_stays_text(tab, made):
    tab.open(made["page"])
    tab.run("document.querySelectorAll('#classes .bar').forEach((one) => one.click())")
    tab.run("document.querySelectorAll('#table tbody button').forEach((one) => one.click())")
    assert tab.run("document.images.length") == 0
    assert tab.run("document.title") == "Units of the networks: made-up"
    assert HOSTILE in texts(tab, "#classes .name")
    assert any(HOSTILE in text for text in texts(tab, "#clips li"))
    assert tab.errors == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [420, 1024, 1440])
def test_nothing_is_wider_than_the_window(tab, made, width, dark):
    tab.window(width, 800, dark)
    try:
        tab.open(made["page"])
        assert tab.run("document.documentElement.scrollWidth <= window.innerWidth")
    finally:
        tab.window(1200, 900)
