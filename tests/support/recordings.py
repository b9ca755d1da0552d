"""Make recordings and clip tables for the tests of several stages."""

import gzip
import subprocess
from functools import partial
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pandas as pd
import soundfile
import yaml

from music_detectors.audio.decode import decode
from music_detectors.audio.judging import sound_seconds
from music_detectors.common.tables import write_table
from music_detectors.corpus.columns import CLASSES, CLIPS


def noise(seconds, rate=44_100, level=0.1, seed=0):
    """Return mono noise (n,) below about 1 kHz, which every codec keeps."""
    n = round(seconds * rate)
    step = rate // 2_000
    drawn = np.random.default_rng(seed).standard_normal(n // step + 2)
    return level * np.interp(np.arange(n), step * np.arange(len(drawn)), drawn)


def tone(seconds, frequency, rate, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)


def run_ffmpeg(*arguments):
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", *map(str, arguments)],
        check=True,
        stdin=subprocess.DEVNULL,
    )


def record(path, samples, rate=44_100):
    """Write `samples` (n,) or (n, channels) to `path` in the format of its extension."""
    if path.name.endswith(".wav.gz"):
        plain = path.with_name("plain.wav")
        soundfile.write(plain, samples, rate)
        path.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    elif path.suffix in (".m4a", ".webm", ".mkv"):
        plain = path.with_name("plain.wav")
        soundfile.write(plain, samples, rate)
        run_ffmpeg("-i", plain, "-b:a", "160k", path)
        plain.unlink()
    else:
        soundfile.write(path, samples, rate)
    return path


def audio_settings(**changes):
    """The section `audio` of the default configuration, with short pauses."""
    settings = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())["audio"]
    settings["retries"]["pause_seconds"] = 0.01
    return {**settings, **changes}


def fetch_and_decode(
    clips,
    split,
    shard,
    audio,
    status,
    *,
    journal,
    settings,
    archives=None,
    manifest=None,
    **how,
):
    """Fetch a shard, then decode it, as two jobs do."""
    # What asks the network takes a moment to import.
    from music_detectors.audio.fetch import fetch_recordings
    from music_detectors.audio.shard import decode_shard

    fetched = Path(audio).with_suffix(".fetched.tar")
    fetch_recordings(
        clips,
        split,
        shard,
        fetched,
        journal=journal,
        settings=settings,
        archives=archives,
        manifest=manifest,
    )
    decode_shard(
        clips,
        split,
        shard,
        audio,
        status,
        fetched=fetched,
        settings=settings,
        archives=archives,
        **how,
    )


judge = partial(sound_seconds, ffmpeg_path=None)


def heard(source, clip, clip_seconds=10.0):
    """Return what the decoder makes of what a source of the network fetches for `clip`."""
    with source.fetch(clip) as path:
        return decode(path, clip.start_seconds, clip.seconds_to_read(clip_seconds))


def write_clips(path, clips):
    """Write clips.tsv of `clips`, dicts without the columns that do not matter."""
    usual = {
        "split": "train",
        "shard": "00000",
        "source": "file",
        "start_seconds": 0.0,
        "end_seconds": np.nan,
        "labels": "/m/a",
        "role": "other",
        "group": "a recording",
        "listed": False,
    }
    write_table(path, pd.DataFrame([{**usual, **clip} for clip in clips]), CLIPS)
    return path


def write_classes(path, mids):
    table = pd.DataFrame({"mid": mids, "name": [f"class {mid}" for mid in mids]})
    table["index"] = np.arange(len(mids))
    table["branch"] = "other"
    for name in ("target", "genre"):
        table[name] = False
    write_table(path, table, CLASSES)
    return path
