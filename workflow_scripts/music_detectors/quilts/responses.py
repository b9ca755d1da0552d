"""Responses of the most and the least selective units to quilts, compared with intact clips."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from music_detectors.common.errors import warn
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.jackknife.blocks import blocks_in, read_blocks
from music_detectors.quilts.columns import (
    INTACT,
    QUILT_CORRELATION,
    QUILT_GENRES,
    QUILT_INTACT,
    QUILT_LEFT_OUT,
    QUILT_LENGTHS,
    QUILT_NETWORKS,
    QUILT_RESPONSES,
)
from music_detectors.quilts.lengths import correlation, over_lengths, over_networks
from music_detectors.responses.clips import responses_to
from music_detectors.responses.files import read_layers
from music_detectors.selectivity.effects import response_ratio
from music_detectors.selectivity.groups import groups_of_units
from music_detectors.spectrograms.columns import INDEX

_ROLES = ("target", "other")


@dataclass(frozen=True)
class Compared:
    """The compared clips of a split: which (clips,) bool are of each role and each genre (mid)."""

    clip_id: list[str]
    roles: dict[str, np.ndarray]
    genres: dict[str, np.ndarray]


@dataclass(frozen=True)
class Played:
    """The mean response (clips,) of the units of `group` to each compared clip of a stimulus."""

    seed: int
    split: str
    stimulus: str
    segment_ms: float
    group: str
    clips: Compared
    responses: np.ndarray

    def of(self, chosen: np.ndarray) -> dict[str, float | int | str]:
        """Return the row for the clips that are `chosen` (clips,) bool."""
        values = self.responses[chosen]
        return {
            "seed": self.seed,
            "split": self.split,
            "stimulus": self.stimulus,
            "segment_ms": self.segment_ms,
            "group": self.group,
            "n_clips": len(values),
            "response": values.mean() if len(values) else np.nan,
            "response_sd": values.std(ddof=1) if len(values) > 1 else np.nan,
        }


def quilt_responses(
    indices: Sequence[str | os.PathLike],
    responses: Sequence[str | os.PathLike],
    units: Sequence[str | os.PathLike],
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    blocks: str | os.PathLike,
    tables: dict[str, str | os.PathLike],
    *,
    stimuli: Sequence[str],
    segment_ms: Sequence[int | None],
    splits: Sequence[str],
    seeds: Sequence[int],
    layer: str,
) -> None:
    """Write the `tables` of responses of groups of units of `layer` to each of `stimuli`.

    `segment_ms` are the lengths of the segments of `stimuli`, None for one that is no quilt.
    `indices` are the indices of the spectrograms of `stimuli`, for the first of `splits`, then for
    the next. `responses` are the files of every network for the first index, in the order of
    `seeds`, then those for the next; `units` are the networks' units.tsv, `clips` and `classes` the
    tables of the corpus, and `blocks` that of the blocks of test clips. `tables` are the files to
    write: responses, left_out, genres, lengths, intact, networks, correlation. Only clips that have
    the same length in every stimulus are used; if there is none, responses are missing. Raises
    InputError when a file cannot be read, a network has no selective unit, or a file of responses
    lacks a clip of its index.
    """
    listed = read_table(classes, CLASSES, only=("mid", "name", "genre"))
    listed = listed[listed["genre"]]
    n = len(stimuli)
    played = []
    for number, split in enumerate(splits):
        kept = compared_clips(indices[number * n : (number + 1) * n], clips, split)
        compared = _compared(kept, listed["mid"].tolist())
        if kept.empty:
            warn(
                f"no target or other {split} clip has the same length in all of "
                f"{', '.join(stimuli)}: lower stimuli.compared_seconds, or leave quilts of long "
                "segments out of stimuli.played"
            )
        of_split = responses[number * n * len(seeds) : (number + 1) * n * len(seeds)]
        for place, seed in enumerate(seeds):
            paths = of_split[place :: len(seeds)]
            of_network = read_layers(paths[0]).chosen(layer)
            groups = groups_of_units(units[place], of_network)
            for stimulus, length, path in zip(stimuli, segment_ms, paths, strict=True):
                values = responses_to(path, of_network, compared.clip_id)
                for group, chosen in groups.items():
                    means = values[:, chosen].mean(axis=1, dtype=np.float64)
                    ms = np.nan if length is None else float(length)
                    played.append(Played(seed, split, stimulus, ms, group, compared, means))
    by_role = pd.DataFrame(
        [one.of(one.clips.roles[role]) | {"role": role} for one in played for role in _ROLES]
    )
    intact = pd.DataFrame(_against_intact(played), columns=list(QUILT_INTACT))
    lengths = over_lengths(by_role)
    write_table(tables["responses"], by_role, QUILT_RESPONSES)
    write_table(tables["left_out"], without_blocks(played, blocks), QUILT_LEFT_OUT)
    genres = pd.DataFrame(_by_genre(played, listed), columns=list(QUILT_GENRES))
    write_table(tables["genres"], genres.astype({"seed": int, "n_clips": int}), QUILT_GENRES)
    write_table(tables["lengths"], lengths, QUILT_LENGTHS)
    write_table(tables["intact"], intact, QUILT_INTACT)
    write_table(tables["networks"], over_networks(intact), QUILT_NETWORKS)
    write_table(tables["correlation"], correlation(by_role, lengths), QUILT_CORRELATION)


def without_blocks(played: Sequence[Played], blocks: str | os.PathLike) -> pd.DataFrame:
    """Return the rows of QUILT_LEFT_OUT from what was `played`, and the table of `blocks`."""
    heard = [
        one
        for one in played
        if one.split == "test" and (one.stimulus == INTACT or not np.isnan(one.segment_ms))
    ]
    if not heard:
        return stacked([], QUILT_LEFT_OUT)
    clips = heard[0].clips
    of_clips = read_blocks(blocks, clips.clip_id)
    responses = np.column_stack([one.responses for one in heard])
    names = pd.DataFrame(
        {
            name: [getattr(one, name) for one in heard]
            for name in ("seed", "split", "stimulus", "segment_ms", "group")
        }
    )
    rows = []
    for block in blocks_in(of_clips):
        for role, of_role in clips.roles.items():
            values = responses[of_role & (of_clips != block)]
            n = len(values)
            missing = np.full(len(heard), np.nan)
            rows.append(
                names.assign(
                    block=block,
                    role=role,
                    n_clips=n,
                    response=values.mean(axis=0) if n else missing,
                    response_sd=values.std(axis=0, ddof=1) if n > 1 else missing,
                )
            )
    return stacked(rows, QUILT_LEFT_OUT)


def compared_clips(
    indices: Sequence[str | os.PathLike], clips: str | os.PathLike, split: str
) -> pd.DataFrame:
    """Return clip_id, role and labels of the target and other clips of `split` that are compared.

    They are those that all of `indices` list with the same number of frames, in the order of
    `clips`. A quilt can be shorter than its clip by almost a segment, and the silence that follows
    must not look like an effect.
    """
    n_frames = [read_table(path, INDEX).set_index("clip_id")["n_frames"] for path in indices]
    listed = pd.concat(n_frames, axis=1, join="inner")
    alike = listed.index[listed.nunique(axis=1) == 1]
    table = read_table(clips, CLIPS, only=("clip_id", "split", "role", "labels"))
    kept = (table["split"] == split) & table["role"].isin(_ROLES) & table["clip_id"].isin(alike)
    return table.loc[kept, ["clip_id", "role", "labels"]].reset_index(drop=True)


def _compared(clips: pd.DataFrame, genres: Sequence[str]) -> Compared:
    """Return the compared `clips` (clip_id, role, labels); target clips count for `genres`."""
    roles = {role: (clips["role"] == role).to_numpy() for role in _ROLES}
    labels = [set(of_clip.split(";")) for of_clip in clips["labels"]]
    of_genres = {
        mid: roles["target"] & np.array([mid in of_clip for of_clip in labels], dtype=bool)
        for mid in genres
    }
    return Compared(clips["clip_id"].tolist(), roles, of_genres)


def _by_genre(played: Sequence[Played], genres: pd.DataFrame) -> Iterator[dict]:
    """Yield the rows of QUILT_GENRES for `genres` (mid, name)."""
    names = dict(zip(genres["mid"], genres["name"], strict=True))
    for one in played:
        for mid, chosen in one.clips.genres.items():
            yield one.of(chosen) | {"mid": mid, "name": names[mid]}


def _against_intact(played: Sequence[Played]) -> Iterator[dict]:
    """Yield the rows of QUILT_INTACT."""
    intact = {
        (one.seed, one.split, one.group): one.responses for one in played if one.stimulus == INTACT
    }
    for one in played:
        if np.isnan(one.segment_ms):
            continue
        whole = intact[one.seed, one.split, one.group]
        for role in _ROLES:
            chosen = one.clips.roles[role]
            quilt, intact_clips = one.responses[chosen], whole[chosen]
            yield one.of(chosen) | {
                "role": role,
                "intact": intact_clips.mean() if len(intact_clips) else np.nan,
                "relative": response_ratio(quilt, intact_clips) if len(quilt) else np.nan,
                "difference": (quilt - intact_clips).mean() if len(quilt) else np.nan,
            }
