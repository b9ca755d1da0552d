"""The targets that run only when they are asked for: a plan, and the claims of several corpora."""

import re
import shutil

import pytest

from workflow.snake import executed, preset, snakemake, written

PLAN = "results/smoke/plan/plan.json"


@pytest.fixture
def folder(smoke, tmp_path):
    """A folder with the tables of the corpus and the claims of the smoke run."""
    for name in ("corpus", "claims"):
        place = f"results/smoke/{name}"
        shutil.copytree(smoke / place, tmp_path / place)
    return tmp_path


def asked(folder, target, *arguments):
    """Run `target`; return the exit code, what it said, and the rules of the jobs that ran."""
    ended = snakemake(folder, target, *preset("smoke"), *arguments)
    said = ended.stdout + ended.stderr
    return ended.returncode, said, executed(said)


def test_a_plan_is_written_once_and_stands(folder):
    code, said, jobs = asked(folder, "plan")
    assert code == 0 and jobs == ["plan"], said
    first = (folder / PLAN).read_bytes()
    code, said, jobs = asked(folder, "plan")
    assert code == 0 and not jobs, said
    other = written(folder / "other.yaml", {"claims": {"alpha": 0.1}})
    code, said, _ = asked(folder, "plan", other)
    assert code == 1
    log = (folder / "results/smoke/logs/plan/job.log").read_text()
    assert "claims.alpha (planned 0.05, now 0.1)" in log
    # Snakemake keeps both files, although the job has failed.
    assert (folder / PLAN).read_bytes() == first
    assert "0.05" in (folder / PLAN).with_suffix(".md").read_text()
    code, said, _ = asked(folder, "plan")
    assert code == 0 and (folder / PLAN).read_bytes() == first, said


def test_the_page_over_corpora_is_made_again_when_their_claims_change(folder):
    page = folder / "results/corpora/corpora.md"
    code, said, jobs = asked(folder, "corpora")
    assert code == 0 and jobs == ["corpora"], said
    assert "over 1 corpus" in page.read_text()
    code, said, jobs = asked(folder, "corpora")
    assert code == 0 and not jobs, said
    shutil.copytree(folder / "results/smoke/claims", folder / "results/second/claims")
    code, said, jobs = asked(folder, "corpora")
    assert code == 0 and jobs == ["corpora"], said
    assert "over 2 corpora" in page.read_text()


def test_the_closing_lines_name_only_what_is_there(tmp_path):
    table = tmp_path / "results/smoke/audio/yield.tsv"
    table.parent.mkdir(parents=True)
    table.touch()
    code, said, _ = asked(tmp_path, "all", "--touch")
    assert code == 0, said
    assert re.search(r"^yield +results/smoke/audio/yield.tsv$", said, re.M)
    assert not re.search(r"^(report|claims|figures|tables) ", said, re.M)
