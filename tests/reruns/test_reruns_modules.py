"""Every module of the project: its row of docs/reruns.md, the digests, and what is planned."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from music_detectors.configuration.code import modules_of
from reruns.checkouts import checkout
from reruns.plans import plan, plans
from reruns.tables import CODE, PLAYED, SCRIPTS, first_of, label, row_of, table, with_followers

HEADING = "When a module changes"
STAGES = SCRIPTS / "music_detectors"
MODULES = sorted(
    path.relative_to(STAGES).with_suffix("").as_posix() for path in STAGES.rglob("*.py")
)
# What is imported only where a clip is looked for over the network, or where a stimulus is made.
LATE = {
    "fetch_audio": {"audio/web", "audio/youtube", "audio/youtube_failures"},
    "compute_spectrograms": {"stimuli/original"},
    "compute_spectrograms" + PLAYED: {
        "common/compiled",
        "stimuli/intact",
        "stimuli/quilt",
        "stimuli/quilting/__init__",
        "stimuli/quilting/columns",
        "stimuli/quilting/segments",
        "stimuli/quilting/window_spectra",
        "stimuli/quilting/windows",
    },
}
# One of each stage, and what others of the table's rows do not have: a script, a module of none.
EDITED = [
    "music_detectors/configuration/check.py",
    "music_detectors/common/seeds.py",
    "music_detectors/corpus/labels.py",
    "music_detectors/audio/yields.py",
    "music_detectors/audio/yield_limits.py",
    "music_detectors/spectrograms/log_mel.py",
    "music_detectors/acoustics/sound.py",
    "music_detectors/stimuli/quilt.py",
    "music_detectors/models/kim2024/architecture.py",
    "music_detectors/responses/clips.py",
    "music_detectors/selectivity/selective.py",
    "music_detectors/recognition/scores.py",
    "music_detectors/genres/responses.py",
    "music_detectors/lesions/orders.py",
    "music_detectors/claims/statements.py",
    "music_detectors/figures/lesions.py",
    "music_detectors/report/page.py",
    "decode_target.py",
]


def rules_first(module):
    """Return the rules that the row of `module` names."""
    row = row_of(HEADING, module)
    if "of its name" in row[1]:
        return ["plot_" + module.rpartition("/")[2]]
    return first_of(HEADING, module)


@pytest.fixture(scope="module")
def importers():
    """The rules whose scripts import each module, by what the digests take in."""
    found = {module: set() for module in MODULES}
    for rule, (script, *further) in CODE.items():
        for path in modules_of(script, *further) - {script.resolve()}:
            found[path.relative_to(STAGES.resolve()).with_suffix("").as_posix()].add(rule)
    return found


def test_every_module_has_a_row_and_every_row_a_module():
    assert len(MODULES) > 100
    assert {row_of(HEADING, module) for module in MODULES} == set(table(HEADING))


@pytest.mark.parametrize("module", MODULES)
def test_the_rows_say_which_rules_import_a_module(importers, module):
    importing = importers[module]
    first = rules_first(module)
    assert set(first) <= importing
    # A rule that follows another need not be named.
    assert with_followers(first) == with_followers(importing)


def test_digests_take_in_what_scripts_really_import(importers):
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "MPLBACKEND": "agg"}
    ended = subprocess.run(
        [sys.executable, Path(__file__).with_name("executed.py"), SCRIPTS],
        input=json.dumps({rule: files[0].name for rule, files in CODE.items()}),
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert ended.returncode == 0, ended.stderr
    executed = json.loads(ended.stdout)
    assert set(executed) == set(CODE)
    for rule, paths in executed.items():
        really = {path.removeprefix("music_detectors/").removesuffix(".py") for path in paths}
        assert really | LATE.get(rule, set()) == {
            module for module in MODULES if rule in importers[module]
        }, rule


def test_a_comment_in_a_module_runs_again_what_its_row_says(finished, tmp_path):
    questions = []
    for place, name in enumerate(EDITED):
        root = checkout(tmp_path / str(place))
        with open(root / "workflow_scripts" / name, "a", encoding="utf-8") as module:
            module.write("# A comment.\n")
        questions.append((finished.folder, finished.arguments, root))
    for name, jobs in zip(EDITED, plans(questions), strict=True):
        module = name.removeprefix("music_detectors/").removesuffix(".py")
        first = rules_first(module) if name.startswith("music_detectors/") else [module]
        assert {label(job) for job in jobs} == with_followers(first), name


def test_times_of_the_code_and_another_folder_with_it_run_nothing(finished, tmp_path):
    root = checkout(tmp_path / "checkout")
    later = os.stat(root / "Snakefile").st_mtime + 3600
    for path in root.rglob("*"):
        os.utime(path, (later, later))
    assert plan(finished.folder, *finished.arguments, root=root) == set()


@pytest.mark.parametrize(
    ("edit", "rules"),
    [
        ("report/claims.rst", {"write_report"}),
        ("report/page.html.j2", {"write_report"}),
        ("schemas/config.schema.yaml", set()),
        ("config/audioset.yaml", set()),
        ("envs/statistics.yaml", set()),
        ("rules/quilts.smk", set()),
    ],
)
def test_what_is_no_module(finished, tmp_path, edit, rules):
    root = checkout(tmp_path / "checkout")
    path = root / edit
    assert path.exists()
    path.write_text(path.read_text() + "\n# A comment.\n")
    jobs = plan(finished.folder, *finished.arguments, root=root)
    assert {job.rule for job in jobs} == rules
