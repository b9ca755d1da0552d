"""Whether what was downloaded is sound, and which clips need no download.

`fetch` loads this by its name: what decodes is not part of the digest of fetching, so that its
changes never ask the network again.
"""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from music_detectors.audio.clips import Clip
from music_detectors.audio.decode import decode
from music_detectors.audio.failures import Retryable, Unusable, decoder_trouble
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.sources import Sources, open_sources

# How much of a recording says whether it is one, where no segment of it is asked for.
_JUDGED_SECONDS = 10.0


def sound_seconds(clip: Clip, path: Path, shown: str, ffmpeg_path: str | None) -> float:
    """Return how many seconds of the segment of `clip`, or of its start, the file at `path` has.

    Messages call the file `shown`. Where a decoder refuses the file for good, that is infinite: the
    file is kept, and the reason found when it is decoded. Raises Retryable when there is no sound,
    or damage.
    """
    seconds = clip.seconds_to_read(_JUDGED_SECONDS if clip.end_seconds is None else math.inf)
    try:
        with decoder_trouble(clip.clip_id):
            decoded = decode(path, clip.start_seconds, seconds, ffmpeg_path)
    except Unusable as error:
        message = error.message.replace(str(path), shown)
        if error.status == "empty":
            raise Retryable(error.reason, message) from error
        if error.status == "damaged":
            refusal = Unusable(error.status, error.reason, message)
            raise Retryable(error.reason, message, at_last=refusal) from error
        return math.inf
    return len(decoded.samples) / SAMPLE_RATE


def local_sources(
    clips: Sequence[Clip], settings: Mapping, archives: str | os.PathLike | None
) -> Sources:
    """Return the sources of `clips` of AudioSet that come before the network.

    `settings` is the section `audio` of the configuration, `archives` the index of its archives.
    """
    before = settings["sources"]
    before = before[: before.index("youtube")] if "youtube" in before else []
    return open_sources(
        [clip for clip in clips if clip.source == "audioset"],
        audio={**settings, "sources": before},
        archives=archives,
        clip_seconds=_JUDGED_SECONDS,
    )
