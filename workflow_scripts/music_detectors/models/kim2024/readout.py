"""The network's outputs with units silenced, from its stored responses alone.

Two fully connected layers follow the pooling layer, so a lesion there takes two matrix products and
the network does not run again.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

# Few enough for their part of every array to stay in a core's cache.
_CLIPS_IN_A_BLOCK = 1024
# Stored outputs may have been computed on another device; other weights' differ by far more.
_ROUNDING = 0.01


class Readout:
    """The outputs of a network for some clips, as a function of which units are silenced."""

    def __init__(
        self, answers: np.ndarray, outputs: np.ndarray, parameters: Mapping[str, np.ndarray]
    ) -> None:
        """Take the `answers` (clips, units) of a layer and the `outputs` (clips, classes) float32.

        `parameters` are weight and bias of fc2 by name, and of fc1 if the layer is before it.
        """
        self.units = answers.shape[1]
        """How many units the lesioned layer has."""
        self.outputs = outputs
        """The outputs without a lesion."""
        self._answers = answers
        self._pooled = "fc1.weight" in parameters
        self._sums = answers
        if self._pooled:
            self._into_fc1 = np.ascontiguousarray(parameters["fc1.weight"].T)
            self._sums = answers @ self._into_fc1 + parameters["fc1.bias"]
        self._fc1 = np.maximum(self._sums, 0)
        into_fc2 = parameters["fc2.weight"].T
        self.outgoing = np.linalg.norm(self._into_fc1 if self._pooled else into_fc2, axis=1)
        """The norm of the weights (units,) by which each unit enters the next layer."""
        # The bias is that of a unit that is always 1, so that the product adds it.
        self._into_fc2 = np.vstack([into_fc2, parameters["fc2.bias"]])
        # Class by class, as scores are read. Allocated once: fresh memory from the system costs as
        # much time as the computation.
        self._lesioned_outputs = np.empty(outputs.shape[::-1], outputs.dtype).T

    def seconds_of(self, lesions: int) -> tuple[float, float] | None:
        """Return None: lesions take no time worth saying."""
        return None

    def computed(self) -> np.ndarray:
        """Return the outputs without a lesion as they follow from the layer and the weights."""
        return self._fc1 @ self._into_fc2[:-1] + self._into_fc2[-1]

    def lesioned(
        self, lesions: Iterable[tuple[np.ndarray, np.ndarray | None]]
    ) -> Iterator[np.ndarray]:
        """Yield the outputs (clips, classes) under each of `lesions`: units (k,), and values.

        The responses of the units are 0, or those of the values (units,). A clip whose fc1 does
        not change keeps its stored outputs to the last bit, so silencing units that never respond
        changes nothing. The next array overwrites the one before.
        """
        outputs, width = self._lesioned_outputs, self._sums.shape[1]
        block = np.ones((min(_CLIPS_IN_A_BLOCK, len(outputs)), width + 1), np.float32)
        for silenced, values in lesions:
            fill = np.zeros(self.units, np.float32) if values is None else values.astype(np.float32)
            for rows in _blocks(len(outputs)):
                fc1_and_one = block[: rows.stop - rows.start]
                fc1 = fc1_and_one[:, :-1]
                if self._pooled:
                    lost = self._answers[rows, silenced] - fill[silenced]
                    np.matmul(lost, self._into_fc1[silenced], out=fc1)
                    np.subtract(self._sums[rows], fc1, out=fc1)
                else:
                    fc1[:] = self._sums[rows]
                    fc1[:, silenced] = fill[silenced]
                np.maximum(fc1, 0, out=fc1)
                np.matmul(fc1_and_one, self._into_fc2, out=outputs[rows])
                same = rows.start + _equal_rows(fc1, self._fc1[rows])
                outputs[same] = self.outputs[same]
            yield outputs


def _equal_rows(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return the numbers of the rows in which two arrays are equal."""
    # Most rows already differ in a few columns.
    rows = np.flatnonzero((ours[:, :16] == theirs[:, :16]).all(axis=1))
    return rows[(ours[rows] == theirs[rows]).all(axis=1)]


def readout_of(
    weights: Mapping[str, np.ndarray], responses: Mapping[str, np.ndarray], layer: str
) -> Readout:
    """Return how the stored outputs depend on the units of `layer`, avgpool or fc1.

    `weights` are the network's tensors by name, `responses` (clips, units) those of `layer` and of
    fc2. Raises KeyError when a tensor is missing, ValueError when the responses are not those of
    the weights.
    """
    answers, outputs = responses[layer], responses["fc2"]
    behind = ("fc2",) if layer == "fc1" else ("fc1", "fc2")
    names = [f"{name}.{kind}" for name in behind for kind in ("weight", "bias")]
    parameters = {name: weights[name] for name in names}
    widths = [answers.shape[1], *(parameters[f"{name}.bias"].size for name in behind)]
    shapes = [parameters[f"{name}.weight"].shape for name in behind]
    fitting = shapes == list(zip(widths[1:], widths[:-1], strict=True))
    fitting &= widths[-1] == outputs.shape[1]
    if fitting:
        readout = Readout(answers, outputs, parameters)
        limit = _ROUNDING * np.abs(outputs).max(initial=1e-6)
        # This form of the condition also refuses NaN.
        fitting = bool(np.abs(readout.computed() - outputs).max(initial=0.0) <= limit)
    if not fitting:
        raise ValueError("not those of the network")
    return readout


def _blocks(clips: int) -> Iterator[slice]:
    for start in range(0, clips, _CLIPS_IN_A_BLOCK):
        yield slice(start, min(start + _CLIPS_IN_A_BLOCK, clips))
