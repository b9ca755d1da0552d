"""A small corpus in the format of AudioSet's published files, with audio, for the tests."""

import json

import numpy as np
import soundfile

from support.workbooks import parts_of, write_workbook

NODES = [
    ("/m/04rlf", "Music", ["/m/0ggq0m", "/m/04szw"]),
    ("/m/0ggq0m", "Music genre", ["/m/06by7", "/m/03_d0"]),
    ("/m/06by7", "Rock music", []),
    ("/m/03_d0", "Jazz", []),
    ("/m/04szw", "Musical instrument", []),
    ("/m/0dgw9r", "Human sounds", ["/m/015lz1", "/m/02fxyj", "/m/09x0r"]),
    ("/m/015lz1", "Singing", []),
    ("/m/02fxyj", "Humming", []),
    ("/m/09x0r", "Speech", []),
    ("/m/06mb1", "Rain", []),
    ("/t/dd00041", "Sounds of things", ["/m/07yv9"]),
    ("/m/07yv9", "Vehicle", []),
]
CLASSES = [
    "/m/09x0r",
    "/m/015lz1",
    "/m/02fxyj",
    "/m/04rlf",
    "/m/06by7",
    "/m/03_d0",
    "/m/06mb1",
    "/m/07yv9",
]
LABELS = [
    "/m/09x0r",
    "/m/06mb1",
    "/m/04rlf,/m/06by7",
    "/m/04rlf,/m/03_d0",
    "/m/09x0r,/m/06mb1",
    "/m/09x0r,/m/015lz1",
    "/m/04rlf,/m/09x0r",
    "/m/06mb1",
    "/m/03_d0",
    "/m/02fxyj",
]


def write_audioset(folder, clips_per_split=20, seconds=2.0, audio=True):
    """Write the files and the audio that config/audioset-local.yaml names, under `folder`."""
    base = folder / "audioset"
    (base / "audio" / "nested").mkdir(parents=True)
    (base / "ontology.json").write_text(
        json.dumps([{"id": i, "name": n, "child_ids": c} for i, n, c in NODES])
    )
    names = {i: n for i, n, _ in NODES}
    (base / "class_labels_indices.csv").write_text(
        "index,mid,display_name\n"
        + "".join(f'{k},{mid},"{names[mid]}"\n' for k, mid in enumerate(CLASSES))
    )
    write_workbook(base / "filenames.xlsx", parts_of(["Name: -a_train0000_5.000.wav"]))
    rng = np.random.default_rng(1)
    for split, name in (("train", "balanced_train"), ("test", "eval")):
        rows, labels = [], []
        for k in range(clips_per_split):
            # Ids as YouTube's may be: with a leading dash and an underscore.
            ytid = f"-a_{split}{k:04d}"
            labels.append(LABELS[k % len(LABELS)])
            rows.append(f'{ytid}, 5.000, {5 + seconds:.3f}, "{labels[-1]}"')
            if audio:
                noise = rng.normal(0, 0.1, round(seconds * 22050))
                place = base / "audio" / ("nested" if k % 2 else ".") / f"{ytid}_5.000.wav"
                soundfile.write(place, noise, 22050)
        positives = sum(len(entry.split(",")) for entry in labels)
        unique = len({mid for entry in labels for mid in entry.split(",")})
        (base / f"{name}_segments.csv").write_text(
            "# Segments csv created for a test\n"
            f"# num_ytids={len(rows)}, num_segs={len(rows)}, num_unique_labels={unique}, "
            f"num_positive_labels={positives}\n"
            "# YTID, start_seconds, end_seconds, positive_labels\n" + "\n".join(rows) + "\n"
        )
