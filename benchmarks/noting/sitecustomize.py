"""Python imports this at its start: a job of Snakemake notes what it took when it ends."""

import atexit
import json
import os
import re
import resource
import sys


def peak_mb() -> float:
    """Return the peak memory of this process, without that of the process that started it."""
    with open("/proc/self/status") as file:
        return int(re.search(r"VmHWM:\s*(\d+)", file.read())[1]) / 1024


def note() -> None:
    """Append rule, wildcards, CPU seconds and peak memory in MB to the file NOTED_IN."""
    job = getattr(sys.modules["__main__"], "snakemake", None)
    if job is None:
        return
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    line = {
        "rule": job.rule,
        "wildcards": dict(job.wildcards.items()),
        "seconds": sum(one.ru_utime + one.ru_stime for one in (own, children)),
        "peak_mb": peak_mb(),
        "asked_mb": job.resources.get("mem_mb"),
    }
    with open(os.environ["NOTED_IN"], "a") as file:
        file.write(json.dumps(line) + "\n")


if os.environ.get("NOTED_IN"):
    atexit.register(note)
