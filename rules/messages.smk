# The messages of a run: its progress, and what it prints at its end.

import atexit
import time
from collections import Counter

from snakemake.logging import logger

from music_detectors.claims.verdicts import verdict_lines
from music_detectors.common import watch
from music_detectors.common.errors import several_lines
from music_detectors.common.outlook import Job, measured_seconds
from music_detectors.common.outlook import lines as outlook_lines
from music_detectors.common.watch import duration

BEGUN = time.monotonic()
# At its end, Snakemake is back where it was started.
HERE = Path.cwd()

# For the log of the run too, so before anything replaces how messages are printed.
if workflow.is_main_process and (message := old_core_type()):
    logger.warning(f"warning: {message}")

# Snakemake's own messages stay in jobs on a cluster, where each is a Snakemake of its own, and with
# options that change the output.
_output = workflow.output_settings
WATCH = (
    watch.begin(
        {one.name: Path(one.snakefile).stem for one in workflow.rules if one.script}
    )
    if workflow.is_main_process
    and not (_output.dryrun or _output.quiet or _output.verbose)
    and not (_output.printshellcmds or _output.debug_dag)
    else None
)


def outlook():
    """What the run will take, in a line each: jobs, time, disk, network; nothing if there is no job."""
    # A dry run ends with all jobs as finished.
    coming = [job for job in workflow.dag.needrun_jobs(False) if job.rule.script]
    jobs = [
        Job(
            Path(job.rule.snakefile).stem, job.rule.name, seconds_of(job), bytes_of(job)
        )
        for job in coming
    ]
    if not jobs:
        return []
    # On a cluster, nobody knows how many jobs run at a time.
    given = workflow.resource_settings.cores
    here = given if isinstance(given, int) else os.cpu_count()
    cores = here if GPU_PARTITION is None else 1
    free = shutil.disk_usage(HERE).free
    measured = measured_seconds(HERE / results("benchmarks"))
    return outlook_lines(jobs, measured, cores, free, downloads_of(coming))


def downloads_of(jobs):
    """What `jobs` get over the network, in words."""
    rules_to_run = Counter(job.rule.name for job in jobs)
    found = []
    if rules_to_run["fetch_metadata"] and METADATA_COPIES:
        found.append(f"{', '.join(METADATA_COPIES)} of the corpus")
    if n := rules_to_run["fetch_audio"]:
        shards = "shard" if n == 1 else "shards"
        found.append(
            f"clips of {n} {shards} from {'YouTube' if 'youtube' in SOURCES else 'the web'}"
        )
    if rules_to_run["fetch_probe"]:
        found.append(f"the sounds of {', '.join(DOWNLOADED_PROBES)} (some 70 MB each)")
    for name, what in (
        ("fetch_fsd50k", "FSD50K"),
        ("fetch_mirror", "a mirror of AudioSet"),
    ):
        if rules_to_run[name]:
            found.append(f"{what} (docs/downloads.md has sizes)")
    return found


def tell_outlook():
    """Print what the run will take."""
    if workflow.dag is not None and (said := outlook()):
        text = several_lines("\n".join(said))
        print(f"\n{text}", flush=True)


def tell_outlook_of_many():
    """Print it before a run of many jobs, if the house's own progress is shown."""
    if WATCH is not None and len(list(workflow.dag.needrun_jobs())) >= 20:
        tell_outlook()


def start_without_delay():
    """Take Snakemake's limit on how fast jobs start away where it is one that nobody reaches.

    While there is one, every job that ended has Snakemake look at the files of all ready jobs again
    and again, once per span: after some hundred jobs that takes a core, and the run ends a span late.
    No option switches it off.
    """
    limit = getattr(workflow.scheduler, "job_rate_limiter", None)
    if limit is not None and limit.max_jobs >= 1000:
        workflow.scheduler.job_rate_limiter = None


# Snakemake has no hook for dry runs.
if workflow.is_main_process and _output.dryrun and not _output.quiet:
    atexit.register(tell_outlook)


def tell_where_results_are(log):
    """Print the verdicts, the paths of the requested results, and the duration."""
    end_of_progress()
    asked_for = {job.rule.name for job in workflow.dag.jobs}
    claims = results("claims/claims.tsv")
    if "assess_claims" in asked_for and os.path.exists(claims):
        verdicts = "\n".join(verdict_lines(claims))
        print(f"\n{several_lines(verdicts)}")
    places = {
        "plan": ("plan", results("plan/plan.md")),
        "corpora": ("corpora", "results/corpora/corpora.md"),
        "FSD50K": ("fetch_fsd50k", rules.fetch_fsd50k.output.table),
        "mirror": ("fetch_mirror", rules.fetch_mirror.output.table),
        "report": ("write_report", results("report.html")),
        "units": ("explore_units", results("units.html")),
        "claims": ("assess_claims", claims),
        "figures": ("plot_selective_responses", results("figures")),
        "tables": (
            "summarise_selectivity",
            results("selectivity", TARGET, "summary.tsv"),
        ),
        "yield": ("summarise_yield", results("audio/yield.tsv")),
    }
    print()
    for what, (name, path) in places.items():
        # With `--touch` or `--until`, what was asked for need not be there.
        if name in asked_for and os.path.exists(path):
            print(f"{what:<8} {path}")
    tell_log_and_time(log)


def tell_how_to_go_on(log):
    """Print how to continue after a failure or an interruption."""
    end_of_progress()
    print("\nWhat was finished is kept: the same command goes on from there.")
    tell_log_and_time(log)


def end_of_progress():
    """Stop the progress lines, so that other output can be printed."""
    if WATCH is not None:
        WATCH.end()


def tell_log_and_time(log):
    """Print the path of Snakemake's log and the duration of the run."""
    for path in log:
        print(f"log      {os.path.relpath(path)}")
    print(f"time     {duration(time.monotonic() - BEGUN)}")
