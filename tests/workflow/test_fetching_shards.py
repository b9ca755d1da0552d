"""Fetching through Snakemake: stop, continue, and fetch the failed clips again."""

import os
import re
import shlex
import subprocess
import sys

from music_detectors.audio.columns import STATUS
from music_detectors.common.tables import read_table
from support.web_server import reply, serving, sound, unused_port
from workflow.snake import ROOT, executed, planned, snakemake, written

TONES = [reply(sound(2.0, seed=k)) for k in range(12)]

YIELD = "results/web/audio/yield.tsv"


def write_corpus(folder, urls):
    rows = ["clip_id,path,labels,split"]
    for k, url in enumerate(urls):
        label = ["Rain", "Guitar", "Wind", "Guitar"][k % 4]
        rows.append(f"c{k:02d},{url},{label},{'train' if k < 8 else 'test'}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    configuration = {
        "corpus": {
            "name": "web",
            "source": "manifest",
            "target": "Guitar",
            "clip_seconds": 2,
            "shard_clips": 4,
            "manifest": {"path": "manifest.csv"},
        },
        "targets": [],
        "audio": {
            "retries": {"attempts": 2, "pause_seconds": 0.01},
            "max_bad_share": 0.5,
        },
        "conditions": {
            name: {"withhold": ["Guitar"]} for name in ("natural", "shuffled", "untrained")
        },
        "stimuli": {"played": ["intact", "quilt-50ms", "quilt-400ms"], "compared_seconds": 1.6},
    }
    written(folder / "web.yaml", configuration)


def documented_command():
    """Return the command in docs/fetching.md that fetches failed clips again."""
    (command,) = re.findall(
        r"^(grep -l .*\n.*xargs.*)$", (ROOT / "docs" / "fetching.md").read_text(), re.M
    )
    return command


def statuses(folder):
    return {
        row.clip_id: row.status
        for path in sorted((folder / "results" / "web" / "audio").glob("*/*.status.tsv"))
        for row in read_table(path, STATUS).itertuples()
    }


def test_stop_continue_and_fetch_failed_clips_again(tmp_path):
    with serving() as web:
        for k, behaviour in enumerate(TONES):
            web.answers[f"/{k}"] = [behaviour]
        web.answers["/5"] = [reply(status=503)]
        web.answers["/2"] = [reply(status=404)]
        dead = f"http://127.0.0.1:{unused_port()}/8"
        urls = [dead if k == 8 else f"{web.url}/{k}" for k in range(12)]
        write_corpus(tmp_path, urls)
        run = ["--configfile", tmp_path / "web.yaml"]

        stopped = snakemake(tmp_path, "spectrograms", *run, cores=1)
        assert stopped.returncode != 0
        output = stopped.stdout + stopped.stderr
        assert "stopped for now: connection refused" in output
        assert not (tmp_path / "results/web/audio/test/00000.h5").exists()

        # The address works again, and no stored clip is fetched again.
        urls[8] = f"{web.url}/8"
        text = (tmp_path / "manifest.csv").read_text()
        (tmp_path / "manifest.csv").write_text(text.replace(dead, urls[8]))
        continued = snakemake(
            tmp_path, "spectrograms", "results/web/audio/yield.tsv", *run, cores=1
        )
        assert continued.returncode == 0, continued.stdout + continued.stderr
        assert (
            "train/00001: 3 of 4 clips usable (ok 3, failed_retryable 1)"
            in output + continued.stderr
        )
        assert all(web.asked[path] == 1 for path in web.asked if path != "/5")
        expected = {f"c{k:02d}": "ok" for k in range(12)} | {"c02": "unavailable"}
        assert statuses(tmp_path) == {**expected, "c05": "failed_retryable"}
        assert planned(tmp_path, *run, "--", "spectrograms") == {}

        # New settings of the fetching do not run a finished shard again.
        other = {"retries": {"attempts": 4, "pause_seconds": 9}, "download": {"max_mb": 7}}
        knobs = written(tmp_path / "knobs.yaml", {"audio": other})
        assert planned(tmp_path, *run, knobs, "--", "spectrograms") == {}

        before = dict(web.asked)
        web.answers["/5"] = [TONES[5]]
        command = documented_command().replace("results/audioset/", "results/web/")
        ours = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        ours += ["--workflow-profile", str(ROOT / "profiles" / "default"), "spectrograms"]
        command = command.replace(".venv/bin/snakemake", shlex.join(ours))
        command = command.replace("config/audioset.yaml", str(tmp_path / "web.yaml"))
        again = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert again.returncode == 0, again.stdout + again.stderr
        rules = ["compute_spectrograms", "decode_audio", "fetch_audio", "index_spectrograms"]
        assert sorted(executed(again.stderr)) == rules
        assert statuses(tmp_path) == expected
        asked = {path for path in web.asked if web.asked[path] != before[path]}
        assert asked == {"/5"}

        # Another length of clips, other limits: decoded from what is kept.
        before = dict(web.asked)
        changes = {
            "corpus": {"clip_seconds": 1.9},
            "audio": {"min_seconds": 0.2},
            "stimuli": {"compared_seconds": 1.5},
        }
        shorter = written(tmp_path / "shorter.yaml", changes)
        decoded = snakemake(tmp_path, YIELD, *run, shorter, cores=1)
        assert decoded.returncode == 0, decoded.stdout + decoded.stderr
        assert "fetch_audio" not in executed(decoded.stderr)
        assert executed(decoded.stderr).count("decode_audio") == 3
        # A new row of the manifest: only it is fetched.
        rows = (tmp_path / "manifest.csv").read_text()
        (tmp_path / "manifest.csv").write_text(f"{rows}c12,{web.url}/12,Rain,test\n")
        web.answers["/12"] = [TONES[0]]
        more = snakemake(tmp_path, YIELD, *run, shorter, cores=1)
        assert more.returncode == 0, more.stdout + more.stderr
        assert web.asked == {**before, "/12": 1}
        # Without failed clips, the command does nothing.
        idle = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
        assert (idle.returncode, idle.stdout, idle.stderr) == (0, "", "")


def test_recordings_that_are_not_kept_are_dropped_once_decoded(tmp_path):
    with serving() as web:
        for k, behaviour in enumerate(TONES):
            web.answers[f"/{k}"] = [behaviour]
        write_corpus(tmp_path, [f"{web.url}/{k}" for k in range(12)])
        dropping = written(tmp_path / "dropping.yaml", {"audio": {"download": {"keep": False}}})
        run = ["--configfile", tmp_path / "web.yaml", dropping]
        ended = snakemake(tmp_path, YIELD, *run, cores=1)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        audio = tmp_path / "results/web/audio"
        assert not [*audio.rglob("*.tar")] and not (audio / ".fetching").exists()
        assert set(statuses(tmp_path).values()) == {"ok"}
        assert planned(tmp_path, *run, "--", YIELD) == {}
        assert planned(tmp_path, *run[:2], "--", YIELD) == {}, "nor when they are to be"
        # What is gone must be asked for again.
        changes = {"corpus": {"clip_seconds": 1.9}, "stimuli": {"compared_seconds": 1.5}}
        shorter = written(tmp_path / "shorter.yaml", changes)
        assert planned(tmp_path, *run, shorter, "--", YIELD)["fetch_audio"] == 3
        assert all(count == 1 for count in web.asked.values())
