"""The imports follow the rules of the architecture."""

import ast
import re
from pathlib import Path

import pytest

from music_detectors.configuration.code import modules_of

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"
# A stage imports only those to its left; two in the same place do not import each other.
ORDER = [
    {"common"},
    {"corpus"},
    {"configuration"},
    {"synthesis", "downloads"},
    {"audio"},
    {"jackknife", "listing"},
    {"spectrograms"},
    {"inputs"},
    {"acoustics", "stimuli"},
    {"probes"},
    {"models"},
    {"training"},
    {"responses"},
    {"selectivity", "recognition", "gpu_check"},
    {"decoding", "embedding", "genres", "levels", "quilts", "profiles", "lesions", "preferred"},
    {"emergence", "specificity"},
    {"claims"},
    {"figures"},
    {"plan", "corpora", "notebook"},
    {"report"},
    {"deposit"},
]
LEVEL = {stage: level for level, stages in enumerate(ORDER) for stage in stages}
MODULES = sorted((SCRIPTS / "music_detectors").rglob("*.py"))
ALL_SCRIPTS = sorted(SCRIPTS.glob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module


def test_every_stage_has_its_place():
    assert {
        path.parent.name for path in (SCRIPTS / "music_detectors").glob("*/__init__.py")
    } == set(LEVEL)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SCRIPTS)))
def test_modules_import_only_stages_before_theirs(path):
    own = path.relative_to(SCRIPTS / "music_detectors").parts[0]
    for name in imported(path):
        assert name.split(".")[0] != "snakemake"
        if not name.startswith("music_detectors."):
            assert not (SCRIPTS / f"{name.split('.')[0]}.py").exists(), "a module imports a script"
            continue
        stage = name.split(".")[1]
        assert stage == own or LEVEL[stage] < LEVEL[own]


def test_torch_is_imported_only_where_networks_are_computed():
    allowed = {"models", "training", "responses", "preferred", "gpu_check", "notebook"}
    for path in MODULES:
        stage = path.relative_to(SCRIPTS / "music_detectors").parts[0]
        if any(name.split(".")[0] in ("torch", "torchaudio") for name in imported(path)):
            assert stage in allowed, path


def test_which_scripts_import_torch():
    with_torch = {
        script.stem
        for script in ALL_SCRIPTS
        if any(
            name.split(".")[0] in ("torch", "torchaudio")
            for path in modules_of(script)
            for name in imported(path)
        )
    }
    assert with_torch == {
        "train_network",
        "fit_model",
        "adopt_network",
        "compute_responses",
        "compute_stimulus_responses",
        "compute_probe_responses",
        "compute_snapshot_responses",
        "find_preferred",
        # Only for models whose networks are run again for every lesion.
        "lesion_units",
    }


def test_what_takes_long_to_import_is_imported_where_nothing_else_will_do():
    slow = {"scipy.stats": [], "torch.optim": []}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = set()
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Attribute):
                names = {ast.unparse(node)}
            for name in names & set(slow):
                slow[name].append(path.relative_to(SCRIPTS / "music_detectors").as_posix())
    # A density of kernels. The first optimizer of torch.optim imports PyTorch's compiler.
    assert slow == {"scipy.stats": ["figures/all_units.py"], "torch.optim": []}


def test_every_rule_with_a_script_is_named_after_it_and_complete():
    rules = {}
    for path in sorted((SCRIPTS.parent / "rules").glob("*.smk")):
        for match in re.finditer(
            r"^ *rule(?: (\w+))?:\n((?:    .*\n|\n)+)", path.read_text(), re.M
        ):
            # The loop of rules computes their names.
            rules[match[1] or "plot_figure"] = match[2]
    scripted = {name: text for name, text in rules.items() if "script:" in text}
    assert set(scripted) == {script.stem for script in ALL_SCRIPTS}
    for name, text in scripted.items():
        assert f"workflow_scripts/{name}.py" in text
        assert re.search(rf'code=(?:lambda wildcards: )?digest\(\s*"{name}.py"[,)]', text)
        for part in ("log:", "benchmark:", "threads:", "mem_mb=", "runtime=", "conda:"):
            assert part in text, f"{name} lacks {part}"


@pytest.mark.parametrize("script", ALL_SCRIPTS, ids=lambda path: path.stem)
def test_scripts_are_thin(script):
    tree = ast.parse(script.read_text())
    kinds = {type(node) for node in ast.walk(tree)}
    assert not kinds & {ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If}
    # The page over corpora reads results of several configurations.
    seed = "" if script.stem == "corpora" else ', snakemake.config["seed"]'
    assert f"job(snakemake.log[0]{seed})" in script.read_text()
