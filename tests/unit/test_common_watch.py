"""The messages that a run shows in place of Snakemake's, on a terminal and elsewhere."""

import io
import logging
import os
import pty
import re
import select

import pytest

from music_detectors.common import watch

STAGES = {"make_corpus": "corpus", "decode_audio": "audio"}


def record(event, level=logging.INFO, message="", **fields):
    made = logging.LogRecord("snakemake.logging", level, "", 0, message, None, None)
    made.__dict__.update(fields, **({"event": event} if event else {}))
    return made


def planned():
    """The records of the beginning of a run."""
    return [
        record("workflow_started"),
        record(None, message="Using shell: /bin/bash"),
        record("run_info", stats={"make_corpus": 1, "decode_audio": 2, "all": 1, "total": 4}),
    ]


def started(jobid, rule="decode_audio", **wildcards):
    return record(
        "job_info", jobid=jobid, rule_name=rule, wildcards=wildcards, log=[f"logs/{jobid}.log"]
    )


def finished(jobid):
    return record("job_finished", job_id=jobid)


def failed(jobid, log="logs/1.log", message=None):
    return record(
        "job_error",
        logging.ERROR,
        jobid=jobid,
        rule_name="decode_audio",
        log=[str(log)],
        rule_msg=message,
    )


def said(*records):
    """What is written without a terminal."""
    stream = io.StringIO()
    handler = watch.Watch(logging.StreamHandler(stream), STAGES)
    for one in records:
        handler.handle(one)
    handler.close()
    return stream.getvalue().splitlines()


def test_one_line_per_finished_job():
    lines = said(
        *planned(),
        started(1, split="train", shard="00000"),
        finished(1),
        started(0, "all"),
        finished(0),
    )
    assert lines == ["3 jobs", "1/3  decode_audio split=train shard=00000  0 s"]


def test_before_and_outside_a_run_messages_are_snakemakes():
    lines = said(record(None, message="Creating report"), record("job_finished", message="other"))
    assert lines == ["Creating report", "other"]


def test_warnings_and_errors_are_shown_once():
    lines = said(
        *planned(),
        record(None, message="Select jobs to execute..."),
        record(None, logging.WARNING, "a warning"),
        record(
            "error", logging.ERROR, "CalledProcessError: Command returned non-zero exit status 1."
        ),
        record(None, logging.ERROR, "Exiting because a job execution failed. Look below"),
        record(None, logging.ERROR, "error: this folder is locked"),
        record(None, message="Nothing to be done (all requested files are present)."),
    )
    assert lines[1:] == [
        "a warning",
        "error: this folder is locked",
        "Nothing to be done (all requested files are present).",
    ]


def test_a_failure_names_the_job_and_its_log():
    lines = said(*planned(), started(1, shard="00001"), failed(1))
    assert lines[1:] == ["failed   decode_audio shard=00001", "log      logs/1.log"]


def test_interrupted_jobs_do_not_count_as_failed():
    interrupted = record(None, message="Terminating processes on user request, this might take")
    lines = said(*planned(), started(1, shard="00001"), interrupted, failed(1))
    assert lines[2:] == ["stopped  decode_audio shard=00001"]


def test_a_failure_on_a_cluster_shows_the_message_of_the_job(tmp_path):
    log = tmp_path / "job.log"
    log.write_text("2026-01-01 10:00:00,000 INFO x\n2026-01-01 10:00:00,000 ERROR a.wav: broken\n")
    message = "job 7: TIMEOUT. For further error details see the cluster/cloud log"
    lines = said(*planned(), started(1), failed(1, log, message))
    assert lines[2:] == ["         job 7: TIMEOUT.", "         a.wav: broken", f"log      {log}"]


@pytest.mark.parametrize(
    ("done", "seconds", "expected"), [(8, 4, "2.0/s"), (10, 20, "30.0/min"), (1, 7200, "0.5/h")]
)
def test_a_rate_is_given_per_the_shortest_span_that_holds_a_job(done, seconds, expected):
    assert watch.pace(done, seconds) == expected


def test_a_stage_has_counts_a_rate_and_the_time_left():
    line = watch.stage_line("audio", watch.Stage(total=4, done=1, started=100.0), now=110.0)
    assert line.split()[0] == "audio" and line.endswith("1/4    6.0/min  30 s left")
    assert "left" not in watch.stage_line("audio", watch.Stage(4, 0, 100.0), now=110.0)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(3.6, "4 s"), (192, "3:12 min"), (3900, "1:05:00 h")]
)
def test_durations(seconds, expected):
    assert watch.duration(seconds) == expected


def shown(written):
    """The lines visible on a terminal after `written`: each block erases the one before it."""
    lines = []
    for up, text in re.findall(
        r"(?:\x1b\[(\d+)A)?\r?\x1b\[J([^\x1b]*)", written.replace("\r\n", "\n")
    ):
        del lines[len(lines) - int(up or 0) :]
        lines += text.splitlines()
    return lines


def read_until(terminal, text):
    """Wait for `text` on `terminal`; returns all that was written to it by then."""
    written = ""
    while text not in written:
        assert select.select([terminal], [], [], 5)[0], written
        written += os.read(terminal, 65536).decode()
    return written


def test_on_a_terminal_a_line_per_stage_stands_below_what_jobs_say(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(watch, "REDRAW_SECONDS", 60)
    reader, writer = pty.openpty()
    stream = open(writer, "w", encoding="utf-8")
    handler = watch.Watch(logging.StreamHandler(stream), STAGES)
    for one in [*planned(), started(1), started(2), finished(1)]:
        handler.handle(one)
    os.write(writer, b"error: a job said this\n")
    written = read_until(reader, "said this")
    handler.handle(failed(2))
    handler.handle(record(None, logging.WARNING, "last"))
    standing = shown(written + read_until(reader, "last"))
    said = ["error: a job said this", "failed   decode_audio", "log      logs/1.log", "last"]
    assert standing[:4] == said
    assert [line.split()[0] for line in standing[4:]] == ["audio", "all"]
    assert " 1/2 " in standing[4] and " 1/3 " in standing[5]

    handler.end()
    stream.write("after\n")
    stream.flush()
    assert read_until(reader, "after\r\n").endswith("\x1b[Jafter\r\n")
    handler.close()
    os.close(reader)
