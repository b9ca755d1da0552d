"""Recordings from a manifest, in every format, some of them bad, through Snakemake."""

import gzip
import subprocess

import h5py
import imageio_ffmpeg
import numpy as np
import soundfile

from music_detectors.audio.columns import STATUS
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLIPS
from reruns.plans import answers
from workflow.audioset_files import write_audioset
from workflow.snake import ONE_NETWORK, ROOT, executed, preset, snakemake, written

RATE = 32000


def ffmpeg(*arguments):
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)


def sound(rng, seconds=2.5, tone=None):
    """Return stereo noise, or a tone in noise: (n, 2)."""
    time = np.arange(round(seconds * RATE)) / RATE
    mono = rng.normal(0, 0.05, time.size)
    if tone:
        mono = mono + 0.3 * np.sin(2 * np.pi * tone * time)
    return np.stack([mono, 0.5 * mono], axis=1)


def write(folder, name, samples):
    """Write `samples` to `folder`/`name` in the format of its extension."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    if name.endswith(".wav.gz"):
        soundfile.write(folder / "tmp.wav", samples, RATE)
        path.write_bytes(gzip.compress((folder / "tmp.wav").read_bytes()))
        (folder / "tmp.wav").unlink()
    elif name.endswith((".m4a", ".webm")):
        soundfile.write(folder / "tmp.wav", samples, RATE)
        ffmpeg("-i", str(folder / "tmp.wav"), str(path))
        (folder / "tmp.wav").unlink()
    else:
        soundfile.write(path, samples, RATE)


def write_recordings(folder):
    """Write a folder of recordings, a manifest and a configuration; return status by clip id."""
    rng = np.random.default_rng(3)
    rows, expected = [], {}
    endings = ["wav", "wav.gz", "flac", "ogg", "mp3", "m4a", "webm"]
    for k in range(42):
        ending = endings[k % len(endings)]
        music = k % 3 == 0
        name = f"sounds/clip {k}.{ending}"
        write(folder, name, sound(rng, tone=220 * (1 + k % 4) if music else None))
        label = "Guitar" if music else ("Rain" if k % 3 == 1 else "Speech;Rain")
        rows.append((f"c{k}", name, label))
        expected[f"c{k}"] = "ok"
    for clip_id, name, status in write_bad(folder, rng):
        rows.append((clip_id, name, "Rain"))
        expected[clip_id] = status
    lines = ["clip_id\tpath\tlabels", *("\t".join(row) for row in rows)]
    (folder / "manifest.tsv").write_text("\n".join(lines) + "\n")
    write_configuration(folder)
    return expected


def write_configuration(folder):
    written(
        folder / "mine.yaml",
        {
            "corpus": {
                "name": "mine",
                "source": "manifest",
                "target": "Guitar",
                "clip_seconds": 2,
                "shard_clips": 32,
                "manifest": {"path": "manifest.tsv"},
            },
            "audio": {"max_bad_share": 0.4},
            "targets": [],
            "networks": {"seeds": 1},
            "conditions": ONE_NETWORK["conditions"]
            | {
                "natural": {
                    "withhold": ["Guitar"],
                    "labels": "given",
                    "epochs": 1,
                    "snapshots": [0, 1],
                }
            },
            "selectivity": {"permutations": 100, "bootstraps": 100},
            "stimuli": {"played": ["intact", "quilt-50ms", "quilt-100ms"], "compared_seconds": 1.6},
        },
    )


def write_bad(folder, rng):
    place = folder / "bad"
    place.mkdir()
    (place / "empty.wav").touch()
    (place / "text.mp3").write_text("<html>this is not audio</html>\n" * 50)
    broken = sound(rng)
    broken[1000] = np.nan
    soundfile.write(place / "nan.wav", broken, RATE, subtype="FLOAT")
    soundfile.write(place / "whole.flac", sound(rng), RATE)
    (place / "truncated.flac").write_bytes((place / "whole.flac").read_bytes()[:60])
    ffmpeg("-f", "lavfi", "-i", "testsrc=d=2:s=64x64", "-an", str(place / "video.webm"))
    soundfile.write(place / "silent.wav", np.zeros(2 * RATE), RATE)
    (place / "folder.wav").mkdir()
    return [
        ("empty", "bad/empty.wav", "empty"),
        ("text", "bad/text.mp3", "empty"),
        ("nan", "bad/nan.wav", "nonfinite"),
        ("truncated", "bad/truncated.flac", "empty"),
        ("video", "bad/video.webm", "empty"),
        ("silent", "bad/silent.wav", "silent"),
        ("folder", "bad/folder.wav", "unavailable"),
        ("missing", "bad/no such file.wav", "missing"),
    ]


def statuses(results):
    return {
        row.clip_id: row
        for path in sorted((results / "audio").rglob("*.status.tsv"))
        for row in read_table(path, STATUS).itertuples()
    }


def test_too_many_bad_recordings_stop_the_run_until_the_limit_is_higher(tmp_path):
    expected = write_recordings(tmp_path)
    mine = ["--configfile", tmp_path / "mine.yaml"]
    strict = written(tmp_path / "strict.yaml", {"audio": {"max_bad_share": 0.01}})
    stopped = snakemake(tmp_path, *mine, strict, "--", "networks")
    output = stopped.stdout + stopped.stderr
    assert stopped.returncode != 0
    assert "audio.max_bad_share" in output
    for status in ("nonfinite", "missing", "unavailable"):
        assert status in output
    assert "Traceback" not in output
    results = tmp_path / "results" / "mine"
    assert not (results / "networks").exists()

    run = snakemake(tmp_path, *mine, "--", "responses", "results/mine/figures/class_responses.png")
    output = run.stdout + run.stderr
    assert run.returncode == 0, output
    # Nothing is decoded again.
    assert "decode_audio" not in executed(output) and "train_network" in executed(output)
    found = statuses(results)
    assert {clip_id: row.status for clip_id, row in found.items()} == expected
    assert all(row.message for row in found.values() if row.status in ("empty", "missing"))

    usable = {clip_id for clip_id, status in expected.items() if status == "ok"}
    clips = read_table(results / "corpus/clips.tsv", CLIPS).set_index("clip_id")
    stored = set()
    for split in ("train", "test"):
        with h5py.File(results / f"responses/natural/seed-1/original/{split}.h5") as file:
            names = [name.decode() for name in file["clip_id"][:]]
            assert set(clips.loc[names, "split"]) == {split}
            assert np.isfinite(file["avgpool"][:]).all()
            stored |= set(names)
    assert stored == usable
    assert (results / "figures/class_responses.png").exists()


MANIFESTS = [
    ("path\n a.wav\n", "labels"),
    ("path\tlabels\na.wav\t\n", "line 2"),
    ("path\tlabels\tstart_seconds\tend_seconds\na.wav\tRain\t3\t2\n", "line 2"),
    ("path\tlabel\na.wav\tRain\n", "label"),
    ("", "manifest.tsv"),
]


def test_a_bad_manifest_gives_one_clear_line(tmp_path):
    questions = []
    for place, (content, _) in enumerate(MANIFESTS):
        folder = tmp_path / str(place)
        folder.mkdir()
        write_configuration(folder)
        (folder / "manifest.tsv").write_text(content)
        questions.append((folder, ["--dry-run", "--configfile", folder / "mine.yaml"], ROOT))
    for (_, says), (status, output) in zip(MANIFESTS, answers(questions), strict=True):
        assert status != 0
        assert [line for line in output.splitlines() if "manifest.tsv" in line and says in line]
        assert "Traceback" not in output


def test_audioset_from_a_folder(tmp_path):
    write_audioset(tmp_path)
    few = {
        "corpus": {"clip_seconds": 2},
        "audio": {"min_clips": {"train": 20, "test": 20}},
        **ONE_NETWORK,
        "stimuli": {"played": ["intact", "quilt-50ms", "quilt-100ms"], "compared_seconds": 1.6},
    }
    less = written(tmp_path / "less.yaml", few)
    run = snakemake(
        tmp_path,
        *preset("audioset-local"),
        less,
        "--",
        "responses",
        "results/audioset/audio/yield.tsv",
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = statuses(tmp_path / "results" / "audioset")
    assert len(found) == 40
    assert {row.status for row in found.values()} == {"ok"}
    clips = read_table(tmp_path / "results/audioset/corpus/clips.tsv", CLIPS).set_index("clip_id")
    assert clips.loc["-a_train0000_5.000", "listed"]
