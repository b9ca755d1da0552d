"""Stimuli are found by name, and a list of unusable ones is refused in one line."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from music_detectors import stimuli
from music_detectors.common.errors import InputError
from music_detectors.common.seeds import generator
from music_detectors.quilts.names import check_compared, segment_ms_of
from music_detectors.stimuli.making import names
from music_detectors.stimuli.making.names import check_played, find

PLAYED = ["intact", "quilt-50ms", "quilt-1600ms"]
REVERSED = """
from music_detectors.stimuli.making.stimulus import Sound, Stimulus

STIMULUS = Stimulus("reversed-{times}", lambda samples, draw, times: Sound(samples[::-1] * times))
"""


def section(played=PLAYED, compared_seconds=2.8):
    return {"played": played, "compared_seconds": compared_seconds}


@pytest.fixture
def added(tmp_path, monkeypatch):
    """A folder whose files are also stimuli."""
    monkeypatch.setattr(stimuli, "__path__", [*stimuli.__path__, str(tmp_path)])
    names._stimuli.cache_clear()
    yield tmp_path
    names._stimuli.cache_clear()
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"music_detectors.stimuli.{path.stem}", None)
        vars(stimuli).pop(path.stem, None)


def test_a_name_says_the_stimulus_and_its_parameters():
    found = find("quilt-1600ms")
    assert found.kind == "quilt" and found.parameters == {"ms": 1600}
    assert find("intact").parameters == find("original").parameters == {}
    assert segment_ms_of("quilt-50ms") == 50 and segment_ms_of("intact") is None


@pytest.mark.parametrize("name", ["quilt", "quilt-050ms", "quilt-50ms-2", "quilt-ms"])
def test_an_unknown_name_is_refused_with_the_known_ones(name):
    says = (
        rf"^{name} is no stimulus; there are intact, level-\{{db\}}db, original, quilt-\{{ms\}}ms$"
    )
    with pytest.raises(InputError, match=says):
        find(name)


def test_a_file_in_the_folder_is_a_stimulus(added):
    (added / "backwards.py").write_text(REVERSED)
    found = find("reversed-2")
    assert (found.kind, found.parameters) == ("backwards", {"times": 2})
    np.testing.assert_array_equal(found.make(np.arange(3), 1, "a").samples, [4, 2, 0])
    check_played(section([*PLAYED, "reversed-2"]), 3.5)
    assert segment_ms_of("reversed-2") is None


def test_the_draw_depends_on_the_files_name_the_stimulus_and_the_clip(added):
    (added / "hiss.py").write_text(
        "from music_detectors.stimuli.making.stimulus import Sound, Stimulus\n"
        'STIMULUS = Stimulus("hiss", lambda samples, draw: Sound(draw.random(len(samples))))\n'
    )
    made = find("hiss").make(np.zeros(4), 7, "clip").samples
    np.testing.assert_array_equal(made, generator(7, "hiss", "hiss", "clip").random(4))


def test_a_file_without_a_stimulus_is_named(added):
    (added / "helper.py").write_text("")
    with pytest.raises(InputError, match=r"^stimuli/helper\.py sets no STIMULUS; every file in"):
        find("intact")


def test_two_files_that_fit_one_name_are_named(added):
    (added / "backwards.py").write_text(REVERSED.replace("reversed-{times}", "quilt-{times}ms"))
    says = r"^quilt-50ms fits the patterns of stimuli/quilt\.py and stimuli/backwards\.py"
    with pytest.raises(InputError, match=says):
        find("quilt-50ms")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"compared_seconds": 4}, r"compared_seconds is 4, longer than corpus\.clip_seconds"),
        ({"played": [*PLAYED, "quilt-1800ms"]}, r"quilt-1800ms: a clip of 3\.5 s .* over 1750 ms"),
        ({"played": [*PLAYED, "quilt-110ms"]}, "quilt-110ms: segments .* multiples of 25 ms"),
        ({"played": [*PLAYED, "quilt-0ms"]}, "quilt-0ms: segments .* at least 50 ms"),
        ({"played": [*PLAYED, "quilt-25ms"]}, "quilt-25ms: segments .* at least 50 ms"),
        ({"played": [*PLAYED, "quilt"]}, "has quilt: quilt is no stimulus; there are intact,"),
        ({"played": ["original"]}, "played has original, which models hear in any case"),
        ({"played": [*PLAYED, "quilt-1250ms"]}, r"but quilt-1250ms .* makes only 2\.49 s"),
        # Segments are whole windows of 551 samples, a bit less than their name says.
        ({"compared_seconds": 3.2}, r"but quilt-1600ms \(stimuli\.played\) makes only 3\.19 s"),
    ],
)
def test_what_cannot_be_played_names_the_key(changes, says):
    with pytest.raises(InputError, match=rf"^configuration: stimuli\..*{says}"):
        check_played(section(**changes), 3.5)


def test_stimuli_that_just_fit_are_accepted():
    check_played(section(compared_seconds=3.19), 3.5)
    check_played(section(["intact"], compared_seconds=3.5), 3.5)
    # Levels are whole clips, whatever is compared.
    check_played(section(["level-0db"]), 3.5)


@pytest.mark.parametrize("played", [["intact", "quilt-50ms"], ["quilt-50ms", "quilt-100ms"], []])
def test_the_claim_needs_intact_and_two_quilts(played):
    with pytest.raises(InputError, match=r"stimuli\.played must have intact and at least two"):
        check_compared(played)
    check_compared(PLAYED)


def test_the_examples_in_the_documentation_run():
    root = Path(__file__).parents[2]
    blocks = re.findall(r"```python\n(.*?)```", (root / "docs/quilts.md").read_text(), re.S)
    added, notebook = blocks
    assert added == (root / "tests/toys/reversed.py").read_text()
    variables: dict = {}
    exec(notebook, variables)
    quilt = variables["quilt"]
    assert len(quilt.samples) == len(quilt.order) * 4 * 551 == 30 * 4 * 551


def test_names_are_read_without_large_libraries():
    code = (
        "import sys; from music_detectors.quilts.names import check_compared; "
        "check_compared(['intact', 'quilt-50ms', 'quilt-100ms']); "
        "sys.exit(', '.join({'pandas', 'scipy', 'numba', 'h5py', 'torch'} & set(sys.modules)) or 0)"
    )
    scripts = Path(stimuli.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=scripts, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
