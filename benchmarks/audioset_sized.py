"""Stored files of AudioSet's size with random numbers, for rules to be measured on.

Labels are as frequent as AudioSet's (a power law), a tenth to a fifth of the clips is not usable,
and responses follow from the labels. One network's responses stand for those of all: its files
have a link in the folder of each network.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from bench_dag import BRANCHES, LETTERS

from music_detectors.acoustics.columns import ACOUSTICS
from music_detectors.audio.columns import GATE, LEVEL, STATUS
from music_detectors.audio.storage import AudioShard, write_audio_shard
from music_detectors.common.files import sha256
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.weights import initial_network, write_tensors
from music_detectors.probes.columns import SOUNDS
from music_detectors.responses.files import Layers, create_responses, snapshot_layer
from music_detectors.spectrograms.columns import INDEX
from music_detectors.training.columns import HISTORY, NETWORK_CLIPS

SAMPLES, FRAMES = 220_500, 802
USABLE = {"train": 17_900 / 22_160, "test": 17_100 / 20_371}
SHARES_OF_ROLES = {"target": 0.24, "other": 0.64, "mixed": 0.12}
UNITS = {"conv1": 32, "conv2": 64, "conv3": 128, "avgpool": 256, "fc1": 256}
_FEATURES = 24


def write_metadata(folder: Path, clips: dict[str, int]) -> None:
    """Write ontology, classes and a segment list per split to `folder`, in AudioSet's formats."""
    base = folder / "audioset"
    (base / "audio").mkdir(parents=True)
    nodes, classes = [], []
    for branch, size in BRANCHES.items():
        mids = [f"/m/{branch.split()[0].lower()}{k}" for k in range(size)]
        names = [branch, *(f"{branch} {k}" for k in range(1, size))]
        if branch == "Music":
            names[1] = "Music genre"
        for mid, name in zip(mids, names, strict=True):
            below = mids[1:] if name == branch else []
            # The target has some forty genres.
            below = mids[2:42] if name == "Music genre" else below
            below = [mids[1], *mids[42:]] if name == "Music" else below
            nodes.append({"id": mid, "name": name, "child_ids": below})
        classes += zip(mids, names, strict=True)
    (base / "ontology.json").write_text(json.dumps(nodes))
    (base / "class_labels_indices.csv").write_text(
        "index,mid,display_name\n"
        + "".join(f'{k},{mid},"{name}"\n' for k, (mid, name) in enumerate(classes))
    )
    (base / "withheld.txt").write_text("")
    mids = np.array([mid for mid, _ in classes])
    draw = np.random.default_rng(1)
    n_target = BRANCHES["Music"]
    frequent = draw.permutation(1 / np.arange(1, len(mids) + 1) ** 0.6)
    pools = {"target": np.arange(n_target), "other": np.arange(n_target, len(mids))}
    for split, name in (("train", "balanced_train"), ("test", "eval")):
        n = clips[split]
        ids = LETTERS[draw.integers(len(LETTERS), size=(n, 11))]
        roles = draw.choice(list(SHARES_OF_ROLES), p=list(SHARES_OF_ROLES.values()), size=n)
        more = 1 + draw.poisson(1.3, n)
        with open(base / f"{name}_segments.csv", "w") as file:
            file.write("# Segments csv created for a benchmark\n# YTID, start_seconds, ...\n")
            for letters, role, number in zip(ids, roles, more, strict=True):
                drawn = []
                for own in ("target", "other") if role == "mixed" else (role,):
                    p = frequent[pools[own]] / frequent[pools[own]].sum()
                    drawn += list(draw.choice(pools[own], min(number, 8), replace=False, p=p))
                file.write(f'{"".join(letters)}, 30.000, 40.000, "{",".join(mids[drawn])}"\n')


def usable_clips(results: Path) -> pd.DataFrame:
    """Return clips.tsv of `results` with the column `usable`, and `row`, the place in the shard."""
    clips = read_table(results / "corpus/clips.tsv", CLIPS)
    draw = np.random.default_rng(2)
    clips["usable"] = draw.random(len(clips)) < clips["split"].map(USABLE)
    clips["row"] = clips["usable"].groupby([clips["split"], clips["shard"]]).cumsum() - 1
    return clips


def write_shards(
    results: Path, clips: pd.DataFrame, stimuli: dict[str, list[str]], with_sound: bool
) -> None:
    """Write what is known of each shard; `with_sound`, the first one's sound, not its acoustics.

    `stimuli` maps the name of each to its splits. Other shards of sound are empty files.
    """
    draw = np.random.default_rng(3)
    names = [column for column, kind in ACOUSTICS.items() if kind is float]
    for (split, shard), own in clips.groupby(["split", "shard"], sort=False):
        usable = own[own["usable"]]
        status = pd.DataFrame(
            {
                "clip_id": own["clip_id"],
                "status": np.where(own["usable"], "ok", "gone"),
                "reason": np.where(own["usable"], "", "video unavailable"),
                "message": "",
                "attempts": 1,
                "source": "folder",
                "n_samples": np.where(own["usable"], SAMPLES, 0),
                "rms_db": np.where(own["usable"], -24.0, np.nan),
            }
        )
        audio = results / "audio" / split
        write_table(audio / f"{shard}.status.tsv", status, STATUS)
        (audio / f"{shard}.h5").touch()
        has_sound = with_sound and shard == "00000"
        if has_sound:
            samples = draw.integers(-3000, 3000, (len(usable), SAMPLES), dtype=np.int16)
            write_audio_shard(
                audio / f"{shard}.h5",
                AudioShard(
                    samples,
                    np.full(len(usable), SAMPLES),
                    usable["clip_id"].tolist(),
                    22_050,
                    "none",
                    "0",
                ),
            )
        covariates = pd.DataFrame(draw.standard_normal((len(usable), len(names))), columns=names)
        covariates["clip_id"] = usable["clip_id"].to_numpy()
        if not has_sound:
            write_table(results / f"acoustics/{split}/{shard}.tsv", covariates, ACOUSTICS)
    write_table(
        results / "audio/level.tsv", pd.DataFrame({"n_clips": [len(clips)], "rms": 0.06}), LEVEL
    )
    usable = clips[clips["usable"]].groupby("split", sort=False).size()
    gate = pd.DataFrame({"split": usable.index, "clips": clips.groupby("split", sort=False).size()})
    gate["usable"] = usable.to_numpy()
    gate["share"] = gate["usable"] / gate["clips"]
    gate = gate.assign(mirror_2023=np.nan, mirror_2023_share=np.nan, needed=1)
    write_table(results / "audio/gate.tsv", gate, GATE)
    for stimulus, splits in stimuli.items():
        for split in splits:
            own = clips[clips["usable"] & (clips["split"] == split)].assign(n_frames=FRAMES)
            write_table(results / "spectrograms" / stimulus / split / "index.tsv", own, INDEX)


def write_networks(
    folder: Path,
    clips: pd.DataFrame,
    results: Path,
    stimuli: list[str],
    epochs: list[int],
    layers: Sequence[str] = Kim2024.layers,
) -> None:
    """Write to `folder` the files of a network: weights and responses, also after `epochs`.

    Responses to the stimulus `original` are of both splits, to others of test clips. Those of
    `layers` are stored.
    """
    classes = read_table(results / "corpus/classes.tsv", CLASSES)
    mids = {mid: place for place, mid in enumerate(classes["mid"])}
    draw = np.random.default_rng(4)
    model = Kim2024()
    network = initial_network(model, len(mids), 1)
    state = dict(network.state_dict())
    for name in ("fc1.weight", "fc2.weight"):
        state[name] = 4 * state[name]
    about = {"classes": len(mids), "model": "kim2024", "epoch": 1}
    write_tensors(folder / "weights.safetensors", state, about)
    own = clips[clips["usable"] & (clips["split"] == "train")]
    part = draw.choice(["training", "validation"], p=[0.9, 0.1], size=len(own))
    write_table(folder / "clips.tsv", own.assign(part=part), NETWORK_CLIPS)
    history = pd.DataFrame({"epoch": np.arange(1, 101), "loss": np.linspace(0.6, 0.1, 100)})
    history = history.assign(validation_map=0.2, learning_rate=1e-3)
    write_table(folder / "history.tsv", history, HISTORY)
    features = draw.standard_normal((len(mids), _FEATURES)).astype(np.float32)
    features[: BRANCHES["Music"], :3] += 1.5
    mix = {
        layer: draw.standard_normal((_FEATURES, units)).astype(np.float32) / 5
        for layer, units in UNITS.items()
        if layer != "fc1"
    }
    fully = {name: state[name].numpy() for name in state if name.startswith("fc")}
    stored = Layers(tuple(layers), model.reported, model.outputs)
    units = UNITS | {"fc2": len(mids)}
    digest = sha256(folder / "weights.safetensors")

    def responses(labels: pd.Series) -> dict[str, np.ndarray]:
        places = labels.str.split(";").map(lambda own: [mids[mid] for mid in own])
        heard = np.stack([features[own].mean(axis=0) for own in places])
        heard += 0.5 * draw.standard_normal(heard.shape, dtype=np.float32)
        found = {}
        for layer, weights in mix.items():
            noise = draw.standard_normal((len(heard), units[layer]), dtype=np.float32)
            found[layer] = np.maximum(heard @ weights + 0.3 * noise + 0.2, 0)
        hidden = found["avgpool"] @ fully["fc1.weight"].T + fully["fc1.bias"]
        found["fc1"] = np.maximum(hidden, 0)
        found["fc2"] = found["fc1"] @ fully["fc2.weight"].T + fully["fc2.bias"]
        return found

    for stimulus in stimuli:
        for split in ("train", "test") if stimulus == "original" else ("test",):
            own = clips[clips["usable"] & (clips["split"] == split)]
            path = folder / stimulus / f"{split}.h5"
            path.parent.mkdir(exist_ok=True)
            ids = own["clip_id"].tolist()
            with create_responses(path, ids, units, stored, digest, stimulus) as file:
                for start in range(0, len(own), 16_384):
                    some = responses(own["labels"].iloc[start : start + 16_384])
                    for layer in stored.names:
                        file[layer][start : start + len(some[layer])] = some[layer]
    if epochs:
        _write_snapshot_responses(folder, clips, responses, epochs, units, digest)


def _write_snapshot_responses(
    folder: Path,
    clips: pd.DataFrame,
    responses: Callable[[pd.Series], dict[str, np.ndarray]],
    epochs: list[int],
    units: dict[str, int],
    digest: str,
) -> None:
    of_epoch = {
        snapshot_layer(epoch, name): units[name] for epoch in epochs for name in ("avgpool", "fc2")
    }
    last = [snapshot_layer(epochs[-1], name) for name in ("avgpool", "fc2")]
    layers = Layers(tuple(of_epoch), *last)
    for split in ("train", "test"):
        own = clips[clips["usable"] & (clips["split"] == split)]
        path = folder / "snapshots" / f"{split}.h5"
        path.parent.mkdir(exist_ok=True)
        ids = own["clip_id"].tolist()
        with create_responses(path, ids, of_epoch, layers, digest, "original") as file:
            for epoch in epochs:
                some = responses(own["labels"])
                for name in ("avgpool", "fc2"):
                    file[snapshot_layer(epoch, name)][:] = some[name]


def write_probe_responses(folder: Path, sounds: Path) -> None:
    """Write to `folder` random responses of its network to the sounds of the table `sounds`."""
    ids = read_table(sounds, SOUNDS)["sound"].tolist()
    draw = np.random.default_rng(5)
    layers = Layers(("avgpool",), "avgpool", None)
    path = folder / "probe-embedded" / "test.h5"
    path.parent.mkdir()
    digest = sha256(folder / "weights.safetensors")
    units = {"avgpool": UNITS["avgpool"]}
    with create_responses(path, ids, units, layers, digest, "probe-embedded") as file:
        file["avgpool"][:] = draw.gamma(1, 1, (len(ids), UNITS["avgpool"]))


def link_networks(made: Path, results: Path, networks: list[tuple[str, int]]) -> None:
    """Give every network of `networks` (condition, seed) the files of the network in `made`."""
    for condition, seed in networks:
        for path in made.rglob("*.*"):
            below = path.relative_to(made)
            is_response = len(below.parts) > 1
            place = results / ("responses" if is_response else "networks")
            link = place / condition / f"seed-{seed}" / below
            link.parent.mkdir(parents=True, exist_ok=True)
            if not path.name.endswith(".sha256") and not link.exists():
                os.link(path, link)
