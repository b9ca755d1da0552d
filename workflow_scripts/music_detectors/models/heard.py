"""Which frames of a clip's spectrogram a model hears: all, or those of the sound alone."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from music_detectors.common.errors import InputError, one_line
from music_detectors.models.device import is_full, on_device
from music_detectors.models.protocol import Evaluation, Model

CLIP = "clip"
"""A response is pooled over the whole clip, its padding included, as in the study."""
SOUND = "sound"
"""A response is pooled over the sound alone: the model hears nothing else."""

Group = tuple[np.ndarray, np.ndarray | None]
"""Clips that are heard together: their numbers (n,), and the frames that are played (None: all)."""


def heard_together(
    model: Model, frames: int, n_frames: Sequence[int] | np.ndarray, pooled: str | None
) -> list[Group]:
    """Return the groups of clips that the model can hear in one batch, each clip in one of them.

    `frames` are those of a spectrogram, of which the first `n_frames` (clips,), at least one, are
    sound. `pooled` is SOUND, or else whole clips are played. With SOUND, a spectrogram is cut to
    its sound, and to the last step (`Model.frames_a_step`) within it. A sound of fewer frames than
    the model needs (`Model.least_frames`) is continued by its mirror image, which adds no edge and
    no silence. A clip whose padding reaches no response is played whole.
    """
    sound = np.asarray(n_frames, dtype=np.int64)
    least, step = min(model.least_frames, frames), model.frames_a_step

    def of_whole_steps(lengths: np.ndarray) -> np.ndarray:
        return np.where(lengths < least, lengths, lengths - (lengths - least) % step)

    played = of_whole_steps(sound)
    whole = played >= of_whole_steps(np.array(frames)) if pooled == SOUND else sound >= 0
    groups: list[Group] = [(np.flatnonzero(whole), None)] if whole.any() else []
    # A waveform has a frame for each sample, and there may be thousands of groups: they share this.
    every = np.arange(frames)
    for length in np.unique(played[~whole]).tolist():
        heard = every[:length]
        if length < least:
            heard = np.pad(heard, (0, least - length), mode="symmetric")
        groups.append((np.flatnonzero(~whole & (played == length)), heard))
    return groups


def chosen(log_mel: Tensor, group: Group) -> Tensor:
    """Return what the clips of `group` hear of `log_mel` (clips, mels, frames), which has all."""
    numbers, frames = group
    if len(numbers) < len(log_mel):
        places = on_device(torch.from_numpy(numbers), log_mel.device)
        log_mel = log_mel.index_select(0, places)
    return cut(log_mel, frames)


def cut(log_mel: Tensor, frames: np.ndarray | None) -> Tensor:
    """Return the numbered `frames` of `log_mel` (n, mels, frames); all if None."""
    if frames is None:
        return log_mel
    if frames[-1] == len(frames) - 1:
        # Nothing is mirrored.
        return log_mel[:, :, : len(frames)]
    return log_mel.index_select(2, on_device(torch.from_numpy(frames), log_mel.device))


def by_clip(rows: np.ndarray, groups: Sequence[Group]) -> np.ndarray:
    """Return `rows` (clips, ...), which are in the order of the groups, by the clips' numbers."""
    if len(groups) == 1:
        return rows
    ordered = np.empty_like(rows)
    ordered[np.concatenate([numbers for numbers, _ in groups])] = rows
    return ordered


def responses_of(evaluation: Evaluation, log_mel: Tensor, whole: bool) -> dict[str, Tensor]:
    """Return the responses of `evaluation` to `log_mel`, which is cut unless it is `whole`.

    Raises InputError when the network needs more frames than the model says.
    """
    try:
        return dict(evaluation(log_mel.float()))
    except RuntimeError as error:
        if whole or is_full(error):
            raise
        raise InputError(
            f"the model cannot hear {log_mel.shape[2]} frames ({one_line(error, 160)}); set "
            "least_frames in its file to the least that it needs, or responses.pooled to clip"
        ) from error
