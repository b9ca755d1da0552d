"""Damage a small HDF5 file at every byte and read it; run by test_damage_hdf5.py."""

import json
import random
import sys
from pathlib import Path

import numpy as np

from damage.harm import flipped
from music_detectors.audio.storage import AudioShard, read_audio_shard, write_audio_shard
from music_detectors.common.errors import InputError
from music_detectors.responses.files import create_responses, read_layers, read_responses
from music_detectors.spectrograms.log_mel import PARAMETERS
from music_detectors.spectrograms.shard import open_spectrogram_shard, write_spectrogram_shard
from support.response_files import LAYERS

NAMES = ["a", "b-1", "c"]
DRAW = np.random.default_rng(5)


def write(kind, path):
    if kind == "audio":
        samples = DRAW.integers(-999, 999, (3, 50)).astype(np.int16)
        lengths = np.array([50, 7, 20])
        full_scale = np.array([1, 5, 1.5], np.float32)
        shard = AudioShard(
            samples, lengths, NAMES, 22_050, "soundfile; ffmpeg", "1.2; 7", full_scale
        )
        write_audio_shard(path, shard)
    elif kind == "spectrograms":
        log_mel = DRAW.normal(-40, 10, (3, 4, 9))
        labels = DRAW.random((3, 5)) > 0.5
        write_spectrogram_shard(
            path,
            log_mel,
            np.array([9, 3, 4]),
            labels,
            NAMES,
            "original",
            PARAMETERS | {"front_end": "waveform"},
        )
    else:
        units = {layer: 3 + place for place, layer in enumerate(LAYERS.names)}
        with create_responses(path, NAMES, units, LAYERS, "0" * 64, "original") as file:
            for layer, n in units.items():
                file[layer][:] = DRAW.normal(size=(3, n))


def read(kind, path):
    """Return the whole content of the file as text; different contents give different texts."""
    if kind == "audio":
        content = vars(read_audio_shard(path))
    elif kind == "spectrograms":
        shard = open_spectrogram_shard(path)
        content = vars(shard) | {"log_mel": shard.read()}
    else:
        names, responses = read_responses(path)
        content = responses | {"clip_id": names, "layers": read_layers(path)}
    return repr(
        {
            name: (value.dtype, value.shape, value.tobytes())
            if isinstance(value, np.ndarray)
            else value
            for name, value in content.items()
        }
    )


def changes(content):
    """Yield the content with a bit flipped at each byte, truncated, and with lost blocks."""
    draw = random.Random(3)
    for place in range(len(content)):
        yield f"byte {place}", flipped(content, place, draw.randrange(8))
    for length in range(0, len(content), 11):
        yield f"cut to {length}", content[:length]
    for start in range(0, len(content), 48):
        for size in (48, 512):
            for fill in (b"\0", b"\xff"):
                lost = content[:start] + fill * min(size, len(content) - start)
                lost += content[start + size :]
                if lost != content:
                    yield f"{fill} from {start} to {start + size}", lost


def main(kind, folder):
    path = Path(folder) / "a.h5"
    write(kind, path)
    expected = read(kind, path)
    counts = {"refused": 0, "same": 0, "wrong": []}
    for name, content in changes(path.read_bytes()):
        path.write_bytes(content)
        try:
            found = read(kind, path)
        except InputError as error:
            message = str(error)
            assert message.startswith(f"{path}: damaged ") and "\n" not in message
            assert message.endswith(f"; rebuild it: rm -r {path}, then the same command again")
            counts["refused"] += 1
        else:
            counts["same"] += found == expected
            counts["wrong"] += [name] if found != expected else []
    print(json.dumps(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
