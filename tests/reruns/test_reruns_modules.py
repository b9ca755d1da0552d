"""Every module of the project: which digests include it, and what is planned when it changes."""

import json
import os
import subprocess
import sys
from pathlib import Path

from music_detectors.corpus.sources import source_names
from reruns.checkouts import checkout
from reruns.page import PAGE, page
from reruns.plans import plan, plans
from reruns.tables import CODE, SCRIPTS, importers, label, with_followers

# Imported only when a source is read, a clip is fetched over the network, a stimulus is made, or a
# model is loaded by its name.
OF_SOURCES = {
    "common/seeds",
    "corpus/embedded",
    "corpus/published",
    *(f"corpus/sources/{name}" for name in source_names()),
}
SYNTHESIS = SCRIPTS / "music_detectors" / "synthesis"
OF_SYNTHESIS = {
    "common/seeds",
    "corpus/embedded",
    "synthesis/__init__",
    *(f"synthesis/{path.stem}" for path in SYNTHESIS.glob("[!_]*.py")),
}
OF_MODULES = {
    "models/device",
    "models/gpus",
    "models/hooks",
    *(f"models/modules/{name}" for name in ("matching", "model", "scored")),
}
OF_MODELS = {
    *OF_MODULES,
    *(
        f"models/kim2024/{name}"
        for name in ("__init__", "architecture", "blocks", "cpu", "features", "gpu", "readout")
    ),
}
OF_QUILTS = {
    "common/compiled",
    "stimuli/intact",
    "stimuli/quilt",
    "stimuli/quilting/__init__",
    "stimuli/quilting/columns",
    "stimuli/quilting/segments",
    "stimuli/quilting/window_spectra",
    "stimuli/quilting/windows",
}
OF_INPUTS = {
    "inputs/making/resample",
    *(f"inputs/{name}" for name in ("cochleagram", "log_mel", "waveform")),
}
LATE = {
    "train_network": OF_MODELS,
    "compute_responses": OF_MODELS,
    "compute_stimulus_responses": OF_MODELS,
    "compute_snapshot_responses": OF_MODELS,
    "find_preferred": OF_MODELS,
    "lesion_units": OF_MODELS
    | {
        "common/kernels",
        "models/device",
        "models/gpus",
        "models/heard",
        "models/weights",
        "training/__init__",
        "training/data",
    },
    "compute_probe_responses": OF_MODELS,
    "read_probe": OF_SYNTHESIS
    | {
        "acoustics/__init__",
        "acoustics/sound",
        "probes/sets/embedded",
        "probes/sets/natsound165",
    },
    "fit_model": OF_MODULES,
    "fetch_metadata": OF_SOURCES | {"corpus/branches", "corpus/classes"},
    "make_corpus": OF_SOURCES,
    "assign_roles": OF_SOURCES,
    "index_archives": {"audio/parquet"},
    "decode_audio": OF_SYNTHESIS | {"audio/parquet"},
    "fetch_audio": {
        "audio/ffmpeg_path",
        "audio/web",
        "audio/youtube",
        "audio/youtube_failures",
        "common/web",
    },
    "compute_spectrograms": {*OF_INPUTS, "stimuli/original"},
    "compute_level_spectrograms": {*OF_INPUTS, "audio/columns", "audio/level", "stimuli/level"},
    "compute_quilt_spectrograms": {*OF_INPUTS, *OF_QUILTS},
    "compute_probe_spectrograms": OF_INPUTS,
    "cut_excerpts": {
        *OF_QUILTS,
        *OF_SOURCES,
        "audio/columns",
        "audio/level",
        "corpus/branches",
        "corpus/classes",
        "stimuli/level",
    },
    "explore_units": OF_SOURCES | {"corpus/branches", "corpus/classes"},
}
# A module of no rule, one of many, one of one; and a script.
EDITED = [
    "music_detectors/configuration/check.py",
    "music_detectors/audio/yield_limits.py",
    "music_detectors/stimuli/quilt.py",
    "music_detectors/models/kim2024/architecture.py",
    "music_detectors/figures/lesions.py",
    "decode_target.py",
]


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run make docs"


def test_digests_cover_what_scripts_really_import():
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
    taken_in = importers()
    assert set(executed) == set(CODE)
    for rule, paths in executed.items():
        really = {path.removeprefix("music_detectors/").removesuffix(".py") for path in paths}
        assert really | LATE.get(rule, set()) == {
            module for module, rules in taken_in.items() if rule in rules
        }, rule


def test_what_decodes_is_not_part_of_fetching():
    of_decoding = ("decode", "rate", "sources", "storage", "shard", "judging", "archives", "naming")
    assert not [name for name in of_decoding if "fetch_audio" in importers()[f"audio/{name}"]]


def test_a_comment_in_a_module_runs_the_rules_that_import_it(finished, tmp_path):
    questions = []
    for place, name in enumerate(EDITED):
        root = checkout(tmp_path / str(place))
        with open(root / "workflow_scripts" / name, "a", encoding="utf-8") as module:
            module.write("# A comment.\n")
        questions.append((finished.folder, finished.arguments, root))
    for name, jobs in zip(EDITED, plans(questions), strict=True):
        module = name.removeprefix("music_detectors/").removesuffix(".py")
        followers = with_followers(importers().get(module, {module}))
        # Rules that this configuration lacks cannot run.
        expected = {rule for rule in followers if rule.split()[0] in finished.rules()}
        assert {label(job) for job in jobs} == expected, name


def test_new_times_of_the_code_or_another_folder_run_nothing(finished, tmp_path):
    root = checkout(tmp_path / "checkout")
    later = os.stat(root / "Snakefile").st_mtime + 3600
    for path in root.rglob("*"):
        os.utime(path, (later, later))
    assert plan(finished.folder, *finished.arguments, root=root) == set()


def test_new_texts_write_the_report_again_and_other_files_run_nothing(finished, tmp_path):
    root = checkout(tmp_path / "checkout")

    def edited(*names):
        for name in names:
            with open(root / name, "a", encoding="utf-8") as file:
                file.write("\n# A comment.\n")
        return {job.rule for job in plan(finished.folder, *finished.arguments, root=root)}

    others = ["schemas/config.schema.yaml", "config/audioset.yaml", "envs/statistics.yaml"]
    assert edited(*others, "rules/quilts.smk") == set()
    assert edited("report/units.js") == {"explore_units", "describe_run"}
    assert edited("report/claims.rst") == {"explore_units", "write_report", "describe_run"}
