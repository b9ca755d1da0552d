"""Part of the smoke run through a real SLURM of one node, with faults that a user may meet."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from support.can_run import needs
from support.results_compared import differing
from workflow.snake import ROOT, command, preset, written

SLURM = Path(__file__).parent / "one_node_slurm.sh"
PROFILE = ROOT / "profiles" / "slurm" / "config.yaml"
ON_GPU = {"train_network", "compute_responses", "compute_stimulus_responses"}
# These need a job of nearly every rule: two networks that are trained, and analyses of two others,
# which finish while the training jobs are disturbed.
TARGETS = [
    "results/smoke/quilts/music/untrained/responses.tsv",
    "results/smoke/decoding/music/untrained/seed-1/decoding.tsv",
    "results/smoke/lesions/music/untrained/seed-1/lesions.tsv",
    *(f"results/smoke/recognition/natural/seed-{seed}/average_precision.tsv" for seed in (1, 2)),
]
# The cluster has no accounting database, and its jobs are short.
QUICKLY = [
    "--slurm-status-command=squeue",
    "--slurm-init-seconds-before-status-checks=3",
    "--latency-wait=5",
]


@pytest.fixture(scope="module", autouse=True)
def cluster():
    started = subprocess.run([SLURM, "start"], capture_output=True, text=True, timeout=60)
    try:
        needs(started.returncode != 3, started.stderr.strip())
        assert started.returncode == 0, started.stderr
        yield
    finally:
        subprocess.run([SLURM, "stop"], capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    """The profile with its three lines edited; this cluster has no accounts."""
    text = PROFILE.read_text()
    for key, name in (("slurm_partition", "cpu"), ("gpu_partition", "gpu")):
        text, edited = re.subn(rf'^  {key}: "" ', f"  {key}: {name} ", text, flags=re.M)
        assert edited == 1
    folder = tmp_path_factory.mktemp("profile")
    (folder / "config.yaml").write_text(text)
    return folder


def through_slurm(folder, profile, *arguments):
    # The faults are those of single networks.
    one_each = written(profile / "one_each.yaml", {"networks": {"per_gpu": 1}})
    return command(folder, *preset("smoke"), one_each, *QUICKLY, *arguments, profile=profile)


def run(folder, profile, *arguments):
    return subprocess.run(
        through_slurm(folder, profile, *arguments), capture_output=True, text=True, timeout=1500
    )


def jobs():
    """Every job that the cluster remembers: its fields, as `scontrol` names them."""
    said = subprocess.run(
        ["scontrol", "show", "job", "--oneliner"], capture_output=True, text=True, timeout=20
    ).stdout
    return [
        dict(re.findall(r"(\w+)=(\S*)", line))
        for line in said.splitlines()
        if line.startswith("JobId")
    ]


def rule_of(job):
    return re.match(r"rule_(.+?)(?:_wildcards_.*)?$", job["Comment"])[1]


def running(text, after=0):
    """A running job whose rule and wildcards contain `text`, submitted after job `after`."""
    for job in jobs():
        if job["JobState"] == "RUNNING" and text in job["Comment"] and int(job["JobId"]) > after:
            return job["JobId"]
    return None


def awaited(what, seconds=900):
    """The value of `what()`, as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError("it did not come about in time")


def scripts_of(job):
    """The processes of a job's script."""
    said = subprocess.run(
        ["scontrol", "listpids", job], capture_output=True, text=True, timeout=20
    ).stdout
    found = []
    for line in said.splitlines()[1:]:
        pid = int(line.split()[0])
        try:
            if b"/.snakemake/scripts/" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def hang(job):
    """Stop a job's script until its time is up, like a file system that does not answer."""
    for pid in awaited(lambda: scripts_of(job)):
        os.kill(pid, signal.SIGSTOP)
    subprocess.run(["scontrol", "update", f"JobId={job}", "TimeLimit=1"], check=True, timeout=20)


def node(state):
    name = subprocess.run(
        ["sinfo", "--noheader", "--format=%n"], capture_output=True, text=True, timeout=20
    ).stdout.split()[0]
    subprocess.run(
        ["scontrol", "update", f"NodeName={name}", f"State={state}", "Reason=test"],
        check=True,
        timeout=20,
    )


class Disturber(threading.Thread):
    """Disturbs a run in a thread; keeps its error for the test to raise."""

    def __init__(self, act):
        super().__init__(daemon=True)
        self.act, self.error = act, None
        self.start()

    def run(self):
        try:
            self.act()
        except Exception as error:
            self.error = error

    def done(self):
        self.join(timeout=60)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory, profile):
    """Two invocations: the first meets four faults and may not retry, the second meets one."""
    folder = tmp_path_factory.mktemp("slurm")
    met = {}

    def cancel(what, after=0):
        met[what] = awaited(lambda: running(what, after))
        subprocess.run(["scancel", met[what]], check=True, timeout=20)

    def drain_for_a_while():
        node("drain")
        try:
            awaited(
                lambda: [
                    job
                    for job in jobs()
                    if job["JobState"] == "PENDING" and "drain" in job["Reason"].lower()
                ]
            )
        finally:
            node("resume")

    def hang_second():
        what = "train_network_wildcards_natural_2"
        met[what] = awaited(lambda: running(what))
        hang(met[what])

    # SLURM decides which job comes first.
    acts = [
        drain_for_a_while,
        lambda: cancel("train_network_wildcards_natural_1"),
        hang_second,
    ]
    disturbers = [Disturber(act) for act in acts]
    lesions = "--set-resources=lesion_units:mem_mb=60"
    first = run(folder, profile, "--retries=0", lesions, "--", *TARGETS)
    for disturber in disturbers:
        disturber.done()
    of_first = dict(met)
    last = max(int(job["JobId"]) for job in jobs())
    disturber = Disturber(lambda: cancel("train_network_wildcards_natural_1", after=last))
    second = run(folder, profile, "--", *TARGETS)
    disturber.done()
    return folder, first, second, of_first


def test_a_run_with_faults_fails_and_the_next_finishes(disturbed):
    _, first, second, met = disturbed
    assert first.returncode != 0
    said = first.stdout + first.stderr
    for what, state in (
        ("train_network_wildcards_natural_1", "CANCELLED"),
        ("train_network_wildcards_natural_2", "TIMEOUT"),
    ):
        assert f"SLURM-job '{met[what]}' failed, SLURM status is: '{state}'" in said
    lesioned = [j for j in jobs() if rule_of(j) == "lesion_units" and j["JobState"] != "COMPLETED"]
    assert lesioned and all(f"SLURM-job '{j['JobId']}' failed" in said for j in lesioned)
    assert second.returncode == 0, second.stdout + second.stderr


def test_the_results_are_those_of_an_undisturbed_local_run(disturbed, smoke):
    folder = disturbed[0]
    ours, whole = folder / "results/smoke", smoke / "results/smoke"
    there = {path.relative_to(ours).as_posix() for path in ours.rglob("*") if path.is_file()}
    assert {target.removeprefix("results/smoke/") for target in TARGETS} <= there
    assert not there & set(differing(ours, whole))


def test_networks_ask_for_one_gpu_of_its_partition(disturbed):
    seen = set()
    for job in jobs():
        rule = rule_of(job)
        seen.add(rule)
        # Versions of SLURM write gres:gpu:1, gres/gpu:1 or gres/gpu=1.
        gpus = re.findall(r"gres[:/]gpu[:=](\d+)", job.get("TresPerJob", ""))
        expected = ("gpu", ["1"]) if rule in ON_GPU else ("cpu", [])
        assert (job["Partition"], gpus) == expected, job
    assert seen > ON_GPU


def test_a_retry_asks_for_more_memory_and_time(disturbed):
    of_network = sorted(
        (int(job["JobId"]), int(job["MinMemoryNode"].removesuffix("M")), job["TimeLimit"])
        for job in jobs()
        if "train_network_wildcards_natural_1" in job["Comment"]
    )
    (_, memory, minutes), (_, more_memory, more_minutes) = of_network[-2:]
    assert more_memory == 2 * memory
    assert (minutes, more_minutes) == ("00:15:00", "00:30:00")


def test_slurms_output_of_every_job_is_kept(disturbed):
    logs = {path.stem for path in (disturbed[0] / ".snakemake/slurm_logs").rglob("*.log")}
    assert logs == {job["JobId"] for job in jobs()}


def test_a_third_run_has_nothing_to_do(disturbed, profile):
    ended = run(disturbed[0], profile, "--", *TARGETS)
    assert ended.returncode == 0
    assert "Nothing to be done" in ended.stdout + ended.stderr


def test_a_wrong_partition_is_reported_once_per_job_and_ends_the_run(tmp_path, profile):
    wrong = tmp_path / "profile"
    shutil.copytree(profile, wrong)
    text = (wrong / "config.yaml").read_text()
    (wrong / "config.yaml").write_text(
        text.replace("slurm_partition: cpu", "slurm_partition: none")
    )
    ended = run(tmp_path, wrong, "--retries=0", "--", "results/smoke/corpus/clips.tsv")
    assert ended.returncode != 0
    assert "invalid partition specified: none" in ended.stdout + ended.stderr


def test_ctrl_c_cancels_the_jobs(disturbed, profile, tmp_path):
    last = max(int(job["JobId"]) for job in jobs())
    process = subprocess.Popen(
        through_slurm(tmp_path, profile, "--", "results/smoke/corpus/clips.tsv"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        job = awaited(lambda: running("make_corpus", after=last))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) != 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    awaited(lambda: [j for j in jobs() if j["JobId"] == job and j["JobState"] == "CANCELLED"], 30)
