"""SIGKILL at random moments, repeatedly, until a part of the smoke DAG is finished."""

import os
import random
import signal
import time

from interruptions.runs import at_work, contents, leftovers, run, started, unlock, until

# Another seed kills at other moments: INTERRUPTIONS_SEED=4 pytest tests/interruptions
SEED = int(os.environ.get("INTERRUPTIONS_SEED", "1"))
# Jobs of nearly every rule; the omitted conditions have no other rules.
TARGETS = [
    "results/smoke/quilts/music/natural/responses.tsv",
    "results/smoke/decoding/music/natural/seed-1/decoding.tsv",
    "results/smoke/lesions/music/natural/seed-1/lesions.tsv",
    *(f"results/smoke/recognition/natural/seed-{seed}/average_precision.tsv" for seed in (1, 2)),
    "results/smoke/figures/yields.svg",
]
_MOST_KILLS = 6
_SECONDS = 2400


def _moment(draw):
    """When to kill: after how many finished jobs, and how many seconds later."""
    if draw.random() < 0.25:
        # While it starts, or just after.
        return 0, draw.uniform(0.5, 6)
    return draw.randint(2, 12), draw.uniform(0, 3)


def test_the_tables_are_those_of_an_undisturbed_run(undisturbed, tmp_path):
    expected = contents(undisturbed)
    draw = random.Random(SEED)
    folder = tmp_path / "killed"
    folder.mkdir()
    kills = 0
    end = time.monotonic() + _SECONDS
    while kills < _MOST_KILLS:
        jobs, seconds = _moment(draw)
        whole_group = draw.random() < 0.5
        attempt = (
            f"seed {SEED}, kill {kills + 1}: {jobs} jobs + {seconds:.2f} s, group {whole_group}"
        )
        print(attempt)
        with started(folder, *TARGETS) as killed:
            until(
                lambda: killed.process.poll() is not None or killed.finished_jobs() >= jobs,  # noqa: B023
                end - time.monotonic(),
            )
            time.sleep(seconds)
            if killed.process.poll() is not None:
                break
            if whole_group:
                os.killpg(killed.process.pid, signal.SIGKILL)
            else:
                killed.process.kill()
            kills += 1
            # Jobs whose Snakemake is gone end by themselves.
            until(lambda: not at_work(folder), 15)
        for name, digest in contents(folder).items():
            if not name.endswith("checkpoint.safetensors"):
                assert digest == expected.get(name), f"{name} after {attempt}"
        if list((folder / ".snakemake").glob("locks/*.lock")):
            unlock(folder)
    else:
        ended = run(folder, *TARGETS)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert kills >= 3, "it ended before it was killed often enough"
    if kills < _MOST_KILLS:
        assert killed.process.returncode == 0, killed.said()
    made = contents(folder)
    assert {target.removeprefix("results/smoke/") for target in TARGETS} <= made.keys()
    assert made == {name: expected[name] for name in made}
    # The next writer of a file removes what an earlier one has left.
    assert not leftovers(folder)
