"""Which clips are cut from recordings, and the manifest that lists them."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from music_detectors.audio.failures import Unusable
from music_detectors.audio.length import recorded_seconds
from music_detectors.common.errors import InputError
from music_detectors.common.files import replacing
from music_detectors.common.progress import progress
from music_detectors.listing.trees import Tree


class Clip(NamedTuple):
    """A row of the manifest, whose columns have these names."""

    path: str
    labels: str
    start_seconds: float
    end_seconds: float
    group: str


def cut(tree: Tree, clip_seconds: float, clips_per_track: int) -> list[Clip]:
    """Return the clips of the recordings of `tree`; note recordings without one in `left_out`.

    Where the tree is to be spread, a recording gives up to `clips_per_track` clips, each in the
    middle of one of as many equal parts; else its beginning is the one clip.
    """
    clips = []
    folder = os.path.basename(os.path.abspath(tree.folder))
    for recording in progress(tree.recordings, len(tree.recordings), folder, "recordings"):
        try:
            seconds = recorded_seconds(os.path.join(tree.folder, recording.path))
        except Unusable as failure:
            tree.left_out[f"cannot be read ({failure.reason})"].append(recording.path)
            continue
        parts = (
            _spread(seconds, clip_seconds, clips_per_track)
            if tree.spread
            else [(0.0, min(seconds, clip_seconds))]
        )
        if not parts:
            tree.left_out[f"shorter than a clip of {clip_seconds:g} s"].append(recording.path)
        path = os.path.abspath(os.path.join(tree.folder, recording.path))
        clips += [Clip(path, recording.label, start, end, recording.group) for start, end in parts]
    return clips


def _spread(seconds: float, clip_seconds: float, most: int) -> list[tuple[float, float]]:
    n_clips = min(most, int(seconds // clip_seconds))
    # The middle of each of as many equal parts.
    starts = [
        round((clip + 0.5) * seconds / n_clips - clip_seconds / 2, 3) for clip in range(n_clips)
    ]
    return [(start, start + clip_seconds) for start in starts]


def write_manifest(path: Path, clips: Iterable[Clip]) -> None:
    """Write `clips` as a manifest; paths below its folder are relative to it, others absolute.

    Raises InputError when the file is there already: it may have been edited.
    """
    if path.exists():
        raise InputError(f"{path}: is there already; remove it, or name another with --output")
    beginning = os.path.join(os.path.abspath(path.parent), "")
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(Clip._fields)
        for clip in clips:
            times = [f"{time:.3f}".rstrip("0").rstrip(".") for time in clip[2:4]]
            writer.writerow([clip.path.removeprefix(beginning), clip.labels, *times, clip.group])
