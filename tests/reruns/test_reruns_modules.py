"""Every module of the project: its row of docs/reruns.md, the digests, and what is planned."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reruns.plans import plan, plans
from reruns.tables import OF_QUILTS, PLOTS, SCRIPTS, label, named, row_of, table, with_followers
from stages.configuration.code import modules_of
from workflow.snake import ROOT

HEADING = "When a module changes"
STAGES = SCRIPTS / "stages"
MODULES = sorted(
    path.relative_to(STAGES).with_suffix("").as_posix() for path in STAGES.rglob("*.py")
)
# One of each stage, and what others of the table's rows do not have: a script, a module of none.
EDITED = [
    "stages/configuration/check.py",
    "stages/common/seeds.py",
    "stages/corpus/labels.py",
    "stages/audio/yields.py",
    "stages/audio/enough.py",
    "stages/spectrograms/log_mel.py",
    "stages/acoustics/sound.py",
    "stages/quilts/quilt.py",
    "stages/networks/architecture.py",
    "stages/responses/clips.py",
    "stages/selectivity/selective.py",
    "stages/recognition/scores.py",
    "stages/controls/genres.py",
    "stages/lesions/orders.py",
    "stages/claims/statements.py",
    "stages/figures/lesions.py",
    "stages/report/page.py",
    "plot_quilts.py",
]


def rules_first(module):
    """Return the rules that the row of `module` names."""
    cell = row_of(HEADING, module)
    if "of its name" in cell:
        return ["plot_" + module.rpartition("/")[2]]
    return named(cell)


def copied(folder):
    """Copy the workflow to `folder` as a checkout would, with times of its own; returns it."""
    folder.mkdir()
    for part in ("Snakefile", "config.yaml"):
        shutil.copyfile(ROOT / part, folder / part)
    for part in ("rules", "workflow_scripts", "schemas", "config", "envs", "report", "profiles"):
        shutil.copytree(
            ROOT / part,
            folder / part,
            copy_function=shutil.copyfile,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    return folder


@pytest.fixture(scope="module")
def importers():
    """The rules whose scripts import each module, by what the digests take in."""
    found = {module: set() for module in MODULES}
    for script in SCRIPTS.glob("*.py"):
        for path in modules_of(script) - {script.resolve()}:
            found[path.relative_to(STAGES.resolve()).with_suffix("").as_posix()].add(script.stem)
    return found


def test_every_module_has_a_row_and_every_row_a_module():
    assert len(MODULES) > 100
    assert all(name in PLOTS or name for module in MODULES for name in rules_first(module))
    rows = [second for _, second in table(HEADING)]
    used = [row_of(HEADING, module) for module in MODULES]
    assert set(rows) == set(used)


@pytest.mark.parametrize("module", MODULES)
def test_the_rows_say_which_rules_import_a_module(importers, module):
    importing = {
        name
        for rule in importers[module]
        for name in ([rule, OF_QUILTS] if rule == "index_spectrograms" else [rule])
    }
    first = rules_first(module)
    assert set(first) <= importing
    # A rule that follows another need not be named.
    assert with_followers(first) == with_followers(importing)


def test_digests_take_in_what_scripts_really_import(importers):
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "MPLBACKEND": "agg"}
    ended = subprocess.run(
        [sys.executable, Path(__file__).with_name("executed.py"), SCRIPTS],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert ended.returncode == 0, ended.stderr
    executed = json.loads(ended.stdout)
    assert len(executed) == len(list(SCRIPTS.glob("*.py")))
    for script, paths in executed.items():
        really = {path.removeprefix("stages/").removesuffix(".py") for path in paths}
        assert really == {module for module in MODULES if script in importers[module]}, script


def test_a_comment_in_a_module_runs_again_what_its_row_says(finished, tmp_path):
    questions = []
    for place, name in enumerate(EDITED):
        root = copied(tmp_path / str(place))
        with open(root / "workflow_scripts" / name, "a", encoding="utf-8") as module:
            module.write("# A comment.\n")
        questions.append((finished.folder, finished.arguments, root))
    for name, jobs in zip(EDITED, plans(questions), strict=True):
        module = name.removeprefix("stages/").removesuffix(".py")
        first = rules_first(module) if name.startswith("stages/") else [module]
        assert {label(job) for job in jobs} == with_followers(first), name


def test_times_of_the_code_and_another_folder_with_it_run_nothing(finished, tmp_path):
    root = copied(tmp_path / "checkout")
    later = os.stat(root / "Snakefile").st_mtime + 3600
    for path in root.rglob("*"):
        os.utime(path, (later, later))
    assert plan(finished.folder, *finished.arguments, root=root) == set()


@pytest.mark.parametrize(
    ("edit", "rules"),
    [
        ("report/claims.rst", {"write_report"}),
        ("report/report.html.j2", {"write_report"}),
        ("schemas/config.schema.yaml", set()),
        ("config/audioset.yaml", set()),
        ("envs/statistics.yaml", set()),
        ("rules/quilts.smk", set()),
    ],
)
def test_what_is_no_module(finished, tmp_path, edit, rules):
    root = copied(tmp_path / "checkout")
    path = root / edit
    assert path.exists()
    path.write_text(path.read_text() + "\n# A comment.\n")
    jobs = plan(finished.folder, *finished.arguments, root=root)
    assert {job.rule for job in jobs} == rules
