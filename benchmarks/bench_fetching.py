"""Time sources, decoders and writing a shard, compared with decoding alone."""

import contextlib
import http.server
import io
import os
import tarfile
import tempfile
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import soundfile
import yaml

from music_detectors.audio.archives import ArchiveSource, index_archives
from music_detectors.audio.clips import Clip
from music_detectors.audio.decode import Decoded, _by_ffmpeg, decode
from music_detectors.audio.judging import sound_seconds
from music_detectors.audio.shard import decode_shard
from music_detectors.audio.sources import AudioSetFolder, FileSource
from music_detectors.audio.web import WebSource
from music_detectors.audio.youtube import YouTubeSource
from music_detectors.common.tables import write_table
from music_detectors.corpus.columns import CLIPS
from timing import alternate, report

SECONDS = 10.0
RATE = 48_000
CLIPS_OF_A_SOURCE = 24
CLIPS_OF_A_SHARD = 256
DISTINCT_FILES = 16
ROWS_OF_A_GROUP = 8


def write_recordings(folder: Path, number: int) -> list[Clip]:
    """Write `number` FLAC files of 10 s, 48 kHz, stereo, 24 bit; their contents repeat."""
    rng = np.random.default_rng(0)
    contents = []
    for _ in range(DISTINCT_FILES):
        samples = np.cumsum(rng.standard_normal((round(SECONDS * RATE), 2)), axis=0)
        samples = 0.5 * (samples - samples.mean(axis=0)) / np.abs(samples).max()
        file = io.BytesIO()
        soundfile.write(file, samples, RATE, format="FLAC", subtype="PCM_24")
        contents.append(file.getvalue())
    clips = []
    for k in range(number):
        name = f"clip{k:07d}"
        (folder / f"{name}.flac").write_bytes(contents[k % DISTINCT_FILES])
        clips.append(Clip(f"{name}_30.000", "audioset", name, 30.0, 40.0, ()))
    return clips


@contextlib.contextmanager
def served(folder: Path):
    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

    handler = partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    # yt-dlp closes a connection as soon as it has enough data.
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def in_parquet(folder: Path, clips: list[Clip], group: int) -> ArchiveSource:
    """Return a source that reads `clips` from row groups of `group` rows; the other rows repeat."""
    apart = group // len(clips) == 0
    names = [
        name
        for clip in clips
        for name in (clip.reference, *(f"other{k}" for k in range((group - 1) * apart)))
    ]
    contents = [
        (folder / f"{name}.flac").read_bytes()
        for clip in clips
        for name in [clip.reference] * (group if apart else 1)
    ]
    table = pyarrow.table(
        {"video_id": names, "audio": [{"bytes": content} for content in contents]}
    )
    path = folder / f"{group}.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=group)
    index_archives([path], folder / f"{group}.tsv")
    return ArchiveSource(folder / f"{group}.tsv", clips, SECONDS, None)


def heard(source: WebSource | YouTubeSource, clip: Clip) -> Decoded:
    """Fetch a clip and decode what came."""
    with source.fetch(clip) as path:
        return decode(path, clip.start_seconds, SECONDS)


def bench_sources(folder: Path, clips: list[Clip]) -> None:
    few = clips[:CLIPS_OF_A_SOURCE]
    paths = [folder / f"{clip.reference}.flac" for clip in few]
    with tarfile.open(folder / "a.tar", "w") as tar:
        for path in paths:
            tar.add(path, path.name)
    index_archives([folder / "a.tar"], folder / "archives.tsv")
    cut = [clip._replace(start_seconds=0.0, end_seconds=SECONDS) for clip in few]
    from_file = FileSource(SECONDS, None)
    from_folder = AudioSetFolder(folder, few, SECONDS, None)
    from_archive = ArchiveSource(folder / "archives.tsv", few, SECONDS, None)
    from_group = in_parquet(folder, cut, len(few))
    from_groups = in_parquet(folder, cut, ROWS_OF_A_GROUP)
    with served(folder) as url:
        bounds = {"timeout_seconds": 60, "max_mb": 100}
        judge = partial(sound_seconds, ffmpeg_path=None)
        from_web = WebSource(judge, bounds)
        # Not YouTube: yt-dlp's generic extractor asks the same local server.
        from_yt_dlp = YouTubeSource(
            judge,
            None,
            {
                "cookies": None,
                "user_agent": None,
                "extractor_args": [],
                "pause_seconds": 0,
                "deno": None,
            },
            bounds,
            address=url + "/{}.flac",
            extractors=["generic"],
        )
        variants = {
            "decode alone": lambda: [decode(path, 0.0, SECONDS) for path in paths],
            "file": lambda: [
                from_file.read(clip._replace(reference=str(path)))
                for clip, path in zip(cut, paths, strict=True)
            ],
            "folder, a cut segment": lambda: [from_folder.read(clip) for clip in cut],
            "folder, cut segment or whole video": lambda: [from_folder.read(clip) for clip in few],
            "archive, a cut segment": lambda: [from_archive.read(clip) for clip in cut],
            "Parquet, clips of one row group": lambda: [from_group.read(clip) for clip in cut],
            f"Parquet, one clip of each {ROWS_OF_A_GROUP} rows": lambda: [
                from_groups.read(clip) for clip in cut
            ],
            # These are decoded once to judge them, and again afterwards.
            "http, local server": lambda: [
                heard(from_web, clip._replace(reference=f"{url}/{clip.reference}.flac"))
                for clip in cut
            ],
            "yt-dlp, local server": lambda: [heard(from_yt_dlp, clip) for clip in cut],
        }
        seconds = alternate(variants, rounds=3)
        from_yt_dlp.close()
    decoding = seconds["decode alone"]
    report(f"{len(few)} clips of {SECONDS:g} s FLAC", seconds, "decode alone")
    for name, value in seconds.items():
        extra = (value - decoding) / len(few) * 1e3
        print(f"  {name:<44} {extra:12.2f} ms per clip more than decoding")


def bench_decoders(folder: Path, clips: list[Clip]) -> None:
    paths = [folder / f"{clip.reference}.flac" for clip in clips[:8]]
    variants = {
        "soundfile + soxr": lambda: [decode(path, 0.0, SECONDS) for path in paths],
        "ffmpeg + soxr": lambda: [_by_ffmpeg(path, 0.0, SECONDS, None) for path in paths],
    }
    report(f"{len(paths)} clips of {SECONDS:g} s FLAC", alternate(variants, 3), "ffmpeg + soxr")


def bench_shard(folder: Path, clips: list[Clip]) -> None:
    paths = [folder / f"{clip.reference}.flac" for clip in clips]
    rows = [(c.clip_id, str(path)) for c, path in zip(clips, paths, strict=True)]
    table = pd.DataFrame(rows, columns=["clip_id", "reference"])
    other_columns = {"split": "train", "shard": "00000", "source": "file", "start_seconds": 0.0}
    other_columns |= {"end_seconds": np.nan, "labels": "a", "role": "other", "listed": False}
    other_columns["group"] = "a recording"
    write_table(folder / "clips.tsv", table.assign(**other_columns), CLIPS)
    settings = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())["audio"]

    def shard():
        with contextlib.redirect_stderr(io.StringIO()):
            decode_shard(
                folder / "clips.tsv",
                "train",
                "00000",
                folder / "shard.h5",
                folder / "shard.tsv",
                settings=settings,
                clip_seconds=SECONDS,
            )

    variants = {
        "decode alone": lambda: [decode(path, 0.0, SECONDS) for path in paths],
        "decode_shard": shard,
    }
    seconds = alternate(variants, rounds=3)
    report(f"a shard of {len(paths)} clips of {SECONDS:g} s FLAC", seconds, "decode alone")
    print(f"  shard / decoding: {seconds['decode_shard'] / seconds['decode alone']:.2f}")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = write_recordings(folder, CLIPS_OF_A_SHARD)
        print(f"one process, {os.cpu_count()} cores, FLAC of {RATE} Hz, stereo, 24 bit")
        bench_decoders(folder, clips)
        bench_sources(folder, clips)
        bench_shard(folder, clips)


if __name__ == "__main__":
    main()
