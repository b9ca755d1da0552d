"""Responses and lesions by hooks, against sums by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from music_detectors.common.errors import InputError
from music_detectors.models.hooks import ForwardReadout, HookedEvaluation


class Network(nn.Module):
    """Two frames of two bands; `first` has two channels with known weights."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 2, 1, bias=False)
        self.last = nn.Linear(2, 3, bias=False)
        self.unused = nn.Identity()
        with torch.no_grad():
            self.first.weight.copy_(torch.tensor([1.0, -2.0]).view(2, 1, 1, 1))
            self.last.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))

    def forward(self, log_mel, dropout=None):
        return self.last(self.first(log_mel.unsqueeze(1)).mean((2, 3)))


LOG_MEL = torch.tensor([[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [2.0, 2.0]]])
MEANS = np.array([4.0, 1.0])
OUTPUTS = np.stack([MEANS, -2 * MEANS, -MEANS], axis=1).astype(np.float32)


def readout(stored=OUTPUTS):
    batches = LOG_MEL.half().split(1)
    return ForwardReadout(Network().eval(), "first", lambda: iter(batches), stored)


def test_responses_are_means_over_frequency_and_time():
    found = HookedEvaluation(Network().eval(), {"conv": "first", "logits": "last"})(LOG_MEL)
    assert list(found) == ["conv", "logits"]
    np.testing.assert_allclose(found["conv"], np.stack([MEANS, -2 * MEANS], axis=1))
    np.testing.assert_allclose(found["logits"], OUTPUTS)


def test_hooks_are_gone_after_a_pass():
    network = Network().eval()
    HookedEvaluation(network, {"conv": "first"})(LOG_MEL)
    assert not network.first._forward_hooks


@pytest.mark.parametrize(
    ("module", "says"), [("nowhere", "no module nowhere"), ("unused", "its module is not run")]
)
def test_a_module_without_responses_is_refused(module, says):
    with pytest.raises(InputError, match=says):
        HookedEvaluation(Network().eval(), {"conv": module})(LOG_MEL)


def test_lesions_take_a_pass_for_as_many_as_are_run_together_or_one_for_each():
    of_first = readout()
    pass_of_one = of_first.seconds_of(1)[1]
    assert pass_of_one > 0
    assert of_first.seconds_of(64) == pytest.approx((pass_of_one, 64 * pass_of_one))
    assert of_first.seconds_of(65) == pytest.approx((2 * pass_of_one, 65 * pass_of_one))


def test_lesions_zero_a_channel_everywhere():
    of_first = readout()
    assert of_first.units == 2
    np.testing.assert_allclose(of_first.outputs, OUTPUTS)
    one, both = of_first.lesioned([(np.array([1]), None), (np.array([1, 0]), None)])
    np.testing.assert_allclose(one, np.stack([MEANS, 0 * MEANS, MEANS], axis=1))
    assert not both.any()


def test_lesions_set_a_channel_to_its_value_everywhere():
    (one,) = readout().lesioned([(np.array([1]), np.array([7.0, -3.0]))])
    np.testing.assert_allclose(one, np.stack([MEANS, 0 * MEANS - 3, MEANS - 3], axis=1))


def test_outputs_of_other_weights_are_refused():
    for stored in (OUTPUTS + 1, OUTPUTS * np.nan, OUTPUTS[:, :2]):
        with pytest.raises(ValueError, match="not those of the network"):
            readout(stored)
