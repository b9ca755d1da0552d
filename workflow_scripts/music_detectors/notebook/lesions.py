"""What a network's outputs lose when units of a layer are silenced."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from music_detectors.common.average_precision import average_precision
from music_detectors.common.errors import InputError
from music_detectors.lesions.orders import named_orders, random_orders
from music_detectors.models.hooks import ForwardReadout
from music_detectors.models.protocol import Pooled
from music_detectors.notebook.sounds import checked
from music_detectors.notebook.units import Heard, batches, evaluating, unit_responses
from music_detectors.selectivity.ranking import share_of_units

_ORDERS = ("top", "middle", "bottom")


def lesion_scores(
    network: nn.Module,
    sounds: np.ndarray,
    rate: int,
    labels: np.ndarray,
    statistics: pd.DataFrame,
    layer: str,
    *,
    fractions: Sequence[float] = (0.125,),
    random_draws: int = 20,
    set_to: str = "zero",
    seed: int = 0,
    outputs: Callable[[Tensor], Tensor] | None = None,
    heard: Heard = "waveform",
    network_rate: int | None = None,
    pooling: str = "mean",
    unit_axis: int = 1,
    at_once: int = 16,
) -> pd.DataFrame:
    """Return the mean average precision of the outputs with units of `layer` silenced.

    `network`, `sounds` and what follows `outputs` are as in `unit_responses`; the network returns
    scores (n, classes), or `outputs` makes them of what it returns. `labels` (n, classes) bool are
    the classes of the sounds. Classes without a sound do not count. `statistics` is the table of
    `unit_statistics`, which ranks the units of `layer`: a lesion of each of `fractions` of them
    silences the most selective (top), those in the middle, the least selective (bottom), and
    `random_draws` times random ones, which `seed` draws. They are set to zero, or to their mean
    response to these sounds (`set_to` mean).

    The table has a row for each lesion: `lesion` (none, top, middle, bottom, random-0001 ...),
    `fraction`, `n_units`, `mean_average_precision`, and its `change` by the lesion.

    Raises InputError as `unit_responses`, and when shapes differ or the table lacks the layer.
    """
    found = checked(sounds, rate)
    true = np.asarray(labels)
    if true.dtype != bool or true.ndim != 2 or len(true) != len(found):
        raise InputError(
            f"labels are {true.shape} {true.dtype}; they must be bool, ({len(found)}, classes)"
        )
    if set_to not in ("zero", "mean"):
        raise InputError(f"set_to is {set_to!r}; it may be zero or mean")
    of_layer = statistics[statistics["layer"] == layer].sort_values("unit")
    if of_layer.empty:
        known = ", ".join(statistics["layer"].unique())
        raise InputError(f"the statistics have no layer {layer}; they have {known}")
    ranks = of_layer["rank"].to_numpy()

    def heard_by() -> list[Tensor]:
        return list(batches(network, found, rate, heard, network_rate, at_once))

    whole = network if outputs is None else _Scored(network, outputs)
    name = layer if outputs is None else f"network.{layer}"
    pooled = Pooled(pooling, unit_axis)
    values = None
    if set_to == "mean":
        responses = unit_responses(
            network,
            found,
            rate,
            [layer],
            heard=heard,
            network_rate=network_rate,
            pooling=pooling,
            unit_axis=unit_axis,
            at_once=at_once,
        )
        values = responses[layer].mean(axis=0)
    with evaluating(network):
        intact = torch.cat([whole(batch).float().cpu() for batch in heard_by()]).numpy()
        if intact.shape != true.shape:
            raise InputError(
                f"the network returns {intact.shape}, and labels are {true.shape}; both must be "
                "(sounds, classes), or give `outputs`, which makes scores of what it returns"
            )
        readout = ForwardReadout(
            whole, name, heard_by, intact, pooled=pooled, clips_at_once=at_once
        )
        if readout.units != len(ranks):
            raise InputError(
                f"layer {layer} has {readout.units} units, but the statistics rank {len(ranks)}; "
                "give the pooling and unit_axis that their responses were read with"
            )
        named = named_orders(ranks, np.zeros(len(ranks)))
        orders = {one: named[one] for one in _ORDERS}
        orders |= random_orders(random_draws, len(ranks), seed, (layer,))
        planned = [
            (one, share, order[: share_of_units(share, len(ranks))])
            for share in fractions
            for one, order in orders.items()
        ]
        rows = [_row("none", 0.0, 0, readout.outputs, true)]
        lesioned = readout.lesioned((units, values) for _, _, units in planned)
        for (one, share, units), scores in zip(planned, lesioned, strict=True):
            rows.append(_row(one, share, len(units), scores, true))
    table = pd.DataFrame(rows)
    table["change"] = table["mean_average_precision"] - table["mean_average_precision"].iloc[0]
    return table


class _Scored(nn.Module):
    """A network followed by a function that makes scores (n, classes) of what it returns."""

    def __init__(self, network: nn.Module, outputs: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.outputs = network, outputs

    def forward(self, heard: Tensor) -> Tensor:
        return self.outputs(self.network(heard))


def _row(
    lesion: str, fraction: float, n_units: int, scores: np.ndarray, labels: np.ndarray
) -> dict[str, object]:
    counted = labels.any(axis=0)
    precision = average_precision(scores[:, counted], labels[:, counted])
    return {
        "lesion": lesion,
        "fraction": fraction,
        "n_units": n_units,
        "mean_average_precision": float(precision.mean()),
    }
