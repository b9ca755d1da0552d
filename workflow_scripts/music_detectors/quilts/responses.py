"""Responses of the most and the least selective units to every played stimulus."""

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from music_detectors.common.damage import damaged
from music_detectors.common.errors import warn
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS
from music_detectors.quilts.columns import QUILT_RESPONSES
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.selectivity.columns import UNITS
from music_detectors.spectrograms.columns import INDEX

_ROLES = ("target", "other")


def quilt_responses(
    indices: Sequence[str | os.PathLike],
    responses: Sequence[str | os.PathLike],
    units: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    output: str | os.PathLike,
    *,
    stimuli: Sequence[str],
    segment_ms: Sequence[int | None],
    seeds: Sequence[int],
    layer: str,
) -> None:
    """Write the mean responses of groups of units of `layer` to each of `stimuli` by role.

    `segment_ms` are the lengths of the segments of `stimuli`, None for one that is no quilt.
    `indices` are the indices of the spectrograms of `stimuli`. `responses` are the files of every
    network for the first stimulus, in the order of `seeds`, then those for the next; `units` are
    the networks' units.tsv and `clips` is clips.tsv. Only clips that have the same length in every
    stimulus are used; if there is none, responses are missing. Raises InputError when a file
    cannot be read, a network has no selective unit, or a file of responses lacks a clip of its
    index.
    """
    compared = compared_clips(indices, clips)
    if compared.empty:
        warn(
            f"no target or other clip has the same length in all of {', '.join(stimuli)}: lower "
            "stimuli.compared_seconds, or leave quilts of long segments out of stimuli.played"
        )
    rows = []
    for place, seed in enumerate(seeds):
        of_network = read_layers(responses[place]).chosen(layer)
        groups = groups_of_units(units[place], of_network)
        paths = responses[place :: len(seeds)]
        for stimulus, length, path in zip(stimuli, segment_ms, paths, strict=True):
            values = _read(path, of_network, compared["clip_id"])
            for group, chosen in groups.items():
                means = values[:, chosen].mean(axis=1, dtype=np.float64)
                for role in _ROLES:
                    of_role = pd.Series(means[(compared["role"] == role).to_numpy()])
                    rows.append(
                        {
                            "seed": seed,
                            "stimulus": stimulus,
                            "segment_ms": length,
                            "group": group,
                            "role": role,
                            "n_clips": len(of_role),
                            "response": of_role.mean(),
                            "response_sd": of_role.std(),
                        }
                    )
    write_table(output, pd.DataFrame(rows), QUILT_RESPONSES)


def compared_clips(indices: Sequence[str | os.PathLike], clips: str | os.PathLike) -> pd.DataFrame:
    """Return clip_id and role of the target and other clips that are compared, as in `clips`.

    They are those that all of `indices` list with the same number of frames. A quilt can be shorter
    than its clip by almost a segment, and the silence that follows must not look like an effect.
    """
    n_frames = [read_table(path, INDEX).set_index("clip_id")["n_frames"] for path in indices]
    listed = pd.concat(n_frames, axis=1, join="inner")
    alike = listed.index[listed.nunique(axis=1) == 1]
    table = read_table(clips, CLIPS, only=("clip_id", "split", "role"))
    kept = (table["split"] == "test") & table["role"].isin(_ROLES) & table["clip_id"].isin(alike)
    return table.loc[kept, ["clip_id", "role"]].reset_index(drop=True)


def groups_of_units(units: str | os.PathLike, layer: str) -> dict[str, np.ndarray]:
    """Return the numbers of the `most` and `least` selective units of `layer` in units.tsv.

    The most selective are those called selective, the least as many of the lowest rank.
    """
    table = read_table(units, UNITS, only=("layer", "unit", "rank", "selective"))
    table = table[table["layer"] == layer].sort_values("rank")
    n = int(table["selective"].sum())
    if not n:
        raise damaged(units, "table", f"has no selective unit of {layer}")
    numbers = table["unit"].to_numpy()
    return {"most": numbers[:n], "least": numbers[-n:]}


def _read(path: str | os.PathLike, layer: str, clip_ids: pd.Series) -> np.ndarray:
    """Return the responses (clips, units) of `layer` in the order of `clip_ids`."""
    stored, responses = read_responses(path, [layer])
    places = pd.Index(stored).get_indexer(clip_ids)
    if (places < 0).any():
        missing = clip_ids.iloc[int(np.argmax(places < 0))]
        raise damaged(path, "responses", f"lacks clip {missing} of its index")
    return responses[layer][places]
