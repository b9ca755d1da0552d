"""Whether a model can hear the input that its condition names; nothing here imports PyTorch."""

from collections.abc import Mapping

from music_detectors.common.errors import InputError, Mistakes
from music_detectors.models.find import BUILT_IN, load_model


def check_sizes(
    models: Mapping[str, str],
    shapes: Mapping[str, tuple[int, int]],
    inputs: Mapping[str, str],
) -> None:
    """Raise InputError for every condition whose built-in model cannot hear its input.

    `shapes` are the bands and frames of the input of each condition that is checked, `models` and
    `inputs` the names of its model and its input. Other models are asked in their first job.
    """
    mistakes = Mistakes()
    for condition, shape in shapes.items():
        name = models[condition]
        if name not in BUILT_IN:
            continue
        with mistakes.noted():
            try:
                load_model(name).check_size(*shape)
            except InputError as error:
                raise InputError(
                    f"configuration: conditions.{condition}.input is {inputs[condition]}, which "
                    f"{name} cannot hear: {error}"
                ) from None
    mistakes.report()
