"""The section `inputs` of a configuration: what it may be, and what is refused in one line."""

import copy
import re
import types

import numpy as np
import pytest

from music_detectors.common.errors import InputError
from music_detectors.configuration.check import check_shape
from music_detectors.inputs.making.find import kinds
from music_detectors.inputs.making.names import check_inputs, folder_of, kept_inputs, shape_of
from music_detectors.models.sizes import check_sizes
from support.configurations import DEFAULT, SCHEMA

LOG_MEL = {"kind": "log_mel"}
WAVEFORM = {"kind": "waveform", "sample_rate": 16_000}


def configured(inputs, **conditions):
    """The default configuration with `inputs`, and with those of some conditions."""
    configuration = copy.deepcopy(DEFAULT)
    configuration["inputs"] = inputs
    for name, heard in conditions.items():
        configuration["conditions"][name]["input"] = heard
    return configuration


def checked(configuration):
    check_shape(configuration, SCHEMA)
    check_inputs(configuration)


def test_every_kind_is_found():
    assert set(kinds()) == {"cochleagram", "log_mel", "waveform"}


def test_inputs_of_every_condition():
    configuration = configured({"a": WAVEFORM, "dropped": None}, natural="a", untrained="log_mel")
    checked(configuration)
    assert kept_inputs(configuration) == {"a": WAVEFORM}
    assert folder_of("a") == "spectrograms-a" and folder_of("log_mel") == "spectrograms"
    # The shortest that is played are the 2.8 s of quilts.
    assert shape_of(configuration, "a") == (1, 44_800)


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"log_mel": WAVEFORM}, "inputs has log_mel, the name of the built-in input"),
        ({"../a": WAVEFORM}, "inputs.../a is not a name of small letters, digits, - and _"),
        ({"A": WAVEFORM}, "inputs.A is not a name of small letters"),
        ({"a b": WAVEFORM}, "inputs.a b is not a name of small letters"),
        ({"a": "waveform"}, "inputs.a must be a mapping such as {kind: waveform, sample_rate"),
        ({"a": {"sample_rate": 16_000}}, "inputs.a.kind is missing"),
        ({"a": {"kind": "wave"}}, "inputs.a.kind must be "),
        ({"a": {"kind": ["waveform"]}}, "inputs.a.kind must be "),
        ({"a": {"kind": "waveform"}}, "inputs.a.sample_rate is missing"),
        (
            {"a": {**WAVEFORM, "samplerate": 1}},
            "unknown key inputs.a.samplerate; did you mean sample_rate?",
        ),
        (
            {"a": {**WAVEFORM, "sample_rate": 0}},
            "inputs.a.sample_rate must be a whole number of Hz",
        ),
        ({"a": {**WAVEFORM, "sample_rate": 16e3}}, "must be a whole number of Hz"),
        ({"a": {**WAVEFORM, "sample_rate": "16000"}}, "it is a text, as all that --config gives"),
        ({"a": {**LOG_MEL, "hop_length": 0}}, "inputs.a.hop_length must be a whole number of sam"),
        ({"a": {**LOG_MEL, "n_mels": 0}}, "inputs.a.n_mels must be a whole number from 1 to 1,024"),
        ({"a": {**LOG_MEL, "mel_scale": "bark"}}, "inputs.a.mel_scale must be htk or slaney"),
        ({"a": {**LOG_MEL, "norm": None}}, "inputs.a.norm must be none or slaney, not null"),
        ({"a": {**LOG_MEL, "sample_rate": 8000}}, "configuration: inputs.a.f_max is 8000, above 4"),
        ({"a": {"kind": "cochleagram", "compression": 0}}, "compression must be a number above 0"),
        ({"a": {"kind": "cochleagram", "f_max": 12000}}, "inputs.a.f_max is 12000, above 11025 Hz"),
        # The shortest that is played are the 2.8 s of quilts.
        ({"a": {**LOG_MEL, "n_fft": 65536, "sample_rate": 11025}}, "more than twice the 2.8 s"),
    ],
)
def test_what_cannot_work_is_refused_with_the_key(inputs, says):
    with pytest.raises(InputError) as error:
        checked(configured(inputs))
    assert says in str(error.value) and "\n" not in str(error.value)


def test_unknown_inputs_are_refused_all_at_once():
    with pytest.raises(InputError) as error:
        checked(configured({"a": WAVEFORM, "b": None}, natural="b", untrained="c"))
    for says in (
        "conditions.natural.input is b, which is not among inputs; there are: log_mel, a",
        "conditions.untrained.input is c, which is not among inputs",
    ):
        assert says in str(error.value)


def test_a_built_in_model_that_cannot_hear_its_input_is_refused():
    models = {"natural": "kim2024", "gabor": "gabor", "mine": "my.own:Model", "pca": "pca"}
    with pytest.raises(InputError) as error:
        check_sizes(models, dict.fromkeys(models, (1, 44_800)), dict.fromkeys(models, "a"))
    assert "conditions.natural.input is a, which kim2024 cannot hear" in str(error.value)
    assert "conditions.gabor.input is a, which gabor cannot hear" in str(error.value)
    assert "mine" not in str(error.value) and "pca" not in str(error.value)
    check_sizes(models, {"natural": (64, 224)}, {"natural": "a"})


def test_the_example_of_a_kind_in_the_docs():
    text = (SCHEMA.parents[1] / "docs" / "inputs.md").read_text()
    code = types.ModuleType("music_detectors.inputs.power")
    exec(re.search(r"```python\n(.*?)```", text, re.S)[1], vars(code))
    front = code.FRONT_END(samples=100)
    front.check(2.8)
    found = front.features(np.full(1_234, 0.5, dtype=np.float32))
    assert found.shape == (front.bands, front.frames_of(1_234)) == (1, 13)
    np.testing.assert_allclose(found[0, :12], 0.25)
    with pytest.raises(InputError, match="samples is 99999"):
        code.FRONT_END(99_999).check(1)
