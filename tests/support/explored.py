"""Made-up networks, and all else that the page of units is made from."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from music_detectors.audio.columns import LEVEL
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import AudioShard, to_int16, write_audio_shard
from music_detectors.common.tables import write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.embedding.columns import EMBEDDING_POINTS
from music_detectors.probes.columns import SOUNDS
from music_detectors.responses.files import Layers, create_responses
from music_detectors.selectivity.columns import UNITS
from music_detectors.spectrograms.columns import INDEX

HOSTILE = '</script><img src=x onerror="document.title=1">'
"""A name that must be text wherever it is shown."""
LICENCE = "CC BY 4.0"
QUILTS = {"intact": None, "quilt-50ms": 50, "quilt-800ms": 800}


def explored(
    folder: Path,
    *,
    layers: dict[str, int],
    n_seeds: int = 2,
    n_clips: int = 24,
    n_classes: int = 5,
    n_probe_sounds: int = 3,
    n_played: int = 24,
    quilts: dict[str, int | None] = QUILTS,
    seconds: float = 1,
) -> dict:
    """Return the arguments of `explore_units` for files that are written into `folder`.

    The first of `n_clips` test clips, `n_played` of them, have a licence, and sound. All networks
    have the responses of the first. The first class is the target, the second has a hostile name.
    """
    random = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    networks = [("untrained", 1)] + [("natural", seed) for seed in range(1, n_seeds)]
    classes = pd.DataFrame({"index": range(n_classes)})
    classes["mid"] = [f"/m/{number}" for number in range(n_classes)]
    classes["name"] = ["Tunes", HOSTILE, *(f"Class {number}" for number in range(2, n_classes))]
    classes = classes.assign(target=classes["index"] == 0, branch="Sounds", genre=False)
    write_table(folder / "classes.tsv", classes, CLASSES)
    first = np.arange(n_clips) % (n_classes - 1)
    ids = [f"clip-{number:05d}" for number in range(n_clips)]
    clips = pd.DataFrame(
        {
            "clip_id": ids,
            "split": "test",
            "shard": "00000",
            "source": "file",
            "reference": "a.wav",
            "group": [f"recording-{number // 2}" for number in range(n_clips)],
            "start_seconds": 0.0,
            "end_seconds": np.nan,
            "labels": classes["mid"].to_numpy()[first],
            "role": np.where(first == 0, "target", "other"),
            "listed": False,
        }
    )
    # Some have a further label; no clip has the last class.
    clips.loc[clips.index % 3 == 2, "labels"] += ";/m/1"
    clips.loc[first == 1, "labels"] = "/m/1"
    write_table(folder / "clips.tsv", clips, CLIPS)
    sounds = pd.DataFrame({"sound": [f"sound {number}" for number in range(n_probe_sounds)]})
    sounds = sounds.assign(
        category=["Song", *["Things"] * (n_probe_sounds - 1)],
        file="a.wav",
        n_samples=SAMPLE_RATE,
        cut=False,
        rms_db=-20.0,
        decoder="none",
        decoder_version="0",
    )
    write_table(folder / "sounds.tsv", sounds, SOUNDS)
    heard = {"original": ids, "probe-mine": sounds["sound"].tolist()} | dict.fromkeys(quilts, ids)
    with_outputs = Layers((*layers, "outputs"), list(layers)[-1], "outputs")
    for stimulus, names in heard.items():
        path = folder / f"{stimulus}.h5"
        units = layers | {"outputs": n_classes}
        with create_responses(path, names, units, with_outputs, "0" * 64, stimulus) as file:
            for layer, n_units in layers.items():
                values = random.gamma(1.0, 1.0, (len(names), n_units)).astype(np.float32)
                file[layer][:] = values
    index = clips[["clip_id", "shard"]].assign(row=range(n_clips), n_frames=100)
    index.loc[index.index >= n_clips - 2, "n_frames"] = [90, 80]
    write_table(folder / "index.tsv", index, INDEX)
    # One clip is shorter in the second stimulus.
    write_table(
        folder / "index2.tsv", index.assign(n_frames=index["n_frames"].clip(upper=85)), INDEX
    )
    write_table(folder / "level.tsv", pd.DataFrame({"n_clips": [n_clips], "rms": [0.1]}), LEVEL)
    shard(folder / "audio.h5", ids[:n_played], seconds)
    shard(folder / "probe.h5", sounds["sound"], seconds)
    (folder / "mine.tsv").write_text(
        "path\tclip_id\tlabels\tlicence\tattribution\n"
        + "".join(f"a.wav\t{name}\tx\t{LICENCE}\tAnn <b>\n" for name in ids[:n_played])
    )
    points = clips.assign(seed=1, x=random.normal(size=n_clips), y=random.normal(size=n_clips))
    write_table(folder / "points.tsv", points, EMBEDDING_POINTS)
    units = []
    for condition, seed in networks:
        table = units_of(layers, random)
        units.append(folder / f"{condition}-{seed}.tsv")
        write_table(units[-1], table, UNITS)
    return {
        "clips": folder / "clips.tsv",
        "classes": folder / "classes.tsv",
        "units": units,
        "responses": [folder / f"{stimulus}.h5" for _ in networks for stimulus in heard],
        "points": [folder / "points.tsv"] * len(networks),
        "indices": [folder / "index.tsv", folder / "index2.tsv"],
        "audio": [folder / "audio.h5"],
        "level": folder / "level.tsv",
        "probe_tables": [folder / "sounds.tsv"],
        "probe_sounds": [folder / "probe.h5"],
        "page": folder / "units.html",
        "corpus": "made-up",
        "target": "Tunes",
        "networks": networks,
        "condition": "natural",
        "layer": list(layers)[-1],
        "original": "original",
        "quilts": quilts,
        "probes": {"mine": ["Song"]},
        "made_probes": ["mine"],
        "probe_terms": [("", "")],
        "is_made": False,
        "source": {
            "source": "manifest",
            "manifest": {"path": os.fspath(folder / "mine.tsv"), "columns": None, "only": None},
            "ontology": None,
        },
        "sound": "licensed",
        "megabytes": 10,
    }


def units_of(layers: dict[str, int], random: np.random.Generator) -> pd.DataFrame:
    """Return a table of units whose ranks are the other way round than their numbers."""
    parts = []
    for layer, n in layers.items():
        part = pd.DataFrame({name: random.random(n) for name in UNITS})
        part = part.assign(layer=layer, reported=True, unit=range(n), rank=np.arange(n, 0, -1))
        parts.append(part.assign(selective=part["rank"] <= max(1, n // 8)))
    table = pd.concat(parts, ignore_index=True)
    counts = [name for name in UNITS if "n_" in name]
    table[counts] = 5
    # An effect that cannot be computed.
    table.loc[0, "test_partial_d"] = np.nan
    return table


def shard(path, clip_ids, seconds):
    """Write a shard of tones."""
    n = round(seconds * SAMPLE_RATE)
    noise = np.random.default_rng(2).normal(0, 0.1, n).astype(np.float32)
    samples = np.stack([to_int16(np.roll(noise, 7 * place)) for place, _ in enumerate(clip_ids)])
    n_samples = np.full(len(samples), n)
    write_audio_shard(
        path, AudioShard(samples, n_samples, list(clip_ids), SAMPLE_RATE, "none", "0")
    )
