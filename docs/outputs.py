"""Write docs/outputs.md, which describes each file under results/.

The tables come from the contracts in `music_detectors/*/columns.py`: each maps columns to types and
is followed by a text that begins with the path of its table. Run `make docs` after a change there.
"""

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PACKAGE = DOCS.parent / "workflow_scripts" / "music_detectors"

SECTIONS = {
    "metadata": "The files that describe the corpus",
    "corpus": "Classes and clips",
    "audio": "Sound",
    "spectrograms": "Log-Mel spectrograms",
    "acoustics": "Acoustic covariates",
    "networks": "Networks",
    "responses": "Responses",
    "probes": "Probe sets",
    "selectivity": "Selective units",
    "recognition": "Recognition of classes",
    "quilts": "Responses to quilts and other stimuli",
    "decoding": "Decoding of the target",
    "embedding": "Embedding of responses",
    "genres": "Genres of the target",
    "profiles": "Profiles over probe sets",
    "lesions": "Lesions",
    "preferred": "Preferred stimuli of single units",
    "claims": "Claims",
    "plan": "The plan",
    "figures": "Figures",
    "excerpts": "Sounds that the report plays",
    "tables": "Tables for other programs (Apache Parquet)",
    "corpora": "Several corpora (`results/corpora/`, beside the folders of the corpora)",
    "": "The report, the description of the run, logs and benchmarks",
}
"""The folders under results/<corpus name>/, in the order of the DAG, and their headings."""

OTHERS = {
    "corpus/{target}/clips.tsv": "The columns of `corpus/clips.tsv`, with the roles for a "
    "further target.",
    "corpus/{target}/classes.tsv": "The columns of `corpus/classes.tsv`, with the target, "
    "branches and genres of a further target.",
    "audio/{split}/{shard}.fetched.tar": "What the network answered for one shard: recordings as "
    "they came, numbered from 0, after `answers.jsonl`, which has a line for each answer. Each "
    "line begins with a checksum. Only in corpora with clips on the network.",
    "audio/{split}/{shard}.h5": "HDF5 with the usable clips of one shard: `samples` (clips, "
    "samples) int16 at 22,050 Hz, `n_samples` (clips,) how many of them are sound, `clip_id`. If a "
    "clip exceeds full scale, also `full_scale` (clips,), the amplitude that 32,768 stands for.",
    "spectrograms/{stimulus}/{split}/{shard}.h5": "HDF5: `log_mel` (clips, 64, frames) float16 in "
    "dB, `n_frames` (clips,) how many frames are sound, `labels` (clips, classes), `clip_id`. "
    "Those of another input, and their tables, are under `spectrograms-{input}/`, with its bands "
    "and frames ([inputs.md](inputs.md)).",
    "acoustics/{split}.tsv": "The columns of `acoustics/{split}/{shard}.tsv`, for all clips of a "
    "split.",
    "networks/{condition}/seed-{seed}/snapshots.safetensors": "The network after each epoch of "
    "`conditions.<name>.snapshots`, by tensors `epoch-3/<name>`; none where the condition lists "
    "none. The metadata is that of the weights, with `epochs` in place of `epoch`. "
    "`music_detectors.models.weights.read_snapshots` reads it.",
    "networks/{condition}/seed-{seed}/weights.safetensors": "The weights of one model; the "
    "metadata say where they came from.",
    "responses/{condition}/seed-{seed}/{stimulus}/{split}.h5": "HDF5: for each layer the response "
    "(clips, units) float32 of every unit, averaged over the clip, and `clip_id`. Layers are "
    "all, or those that `responses.stored: reported` keeps.",
    "probes/{probe}/sounds.zip": "The zip of a probe set, as downloaded.",
    "probes/{probe}/sounds.h5": "HDF5 with the sounds of a probe set at their own level, as "
    "`audio/{split}/{shard}.h5` has those of clips.",
    "responses/{condition}/seed-{seed}/snapshots/{split}.h5": "The same after each epoch of the "
    "condition's `snapshots`, for the reported layer and the outputs: layers `epoch-3/avgpool` and "
    "so on.",
    "preferred/{target}/{condition}/seed-{seed}/stimuli.h5": "The stimuli, in the form of "
    "`spectrograms/{stimulus}/{split}/{shard}.h5`; `clip_id` is `unit-` and the unit's number.",
    "claims/settings.json": "What the claims were judged by: version, digest of the code, target, "
    "condition, alpha, what is one draw of a sound.",
    "plan/plan.json": "The plan (`snakemake plan`): claims with their parts and smallest effects, "
    "networks, clips, power, the configuration that it fixes and its digest.",
    "plan/plan.md": "The same as a page to read.",
    "corpora/corpora.md": "The claims over several corpora (`snakemake corpora`), as a page.",
    "corpora/forest.svg": "Estimates of every part by corpus and over corpora, as vector graphics.",
    "corpora/forest.png": "The same figure as an image.",
    "figures/{figure}.svg": "A figure as vector graphics.",
    "figures/{figure}.png": "The same figure as an image.",
    "report.html": "The report, one page that needs no other file.",
    "units.html": "Every unit of every network, to sort, filter, choose and hear; one page that "
    "needs no other file.",
    "configuration.json": "The configuration of the run, without queries of addresses, tokens and "
    "folders of this machine.",
    "ro-crate-metadata.json": "The run described for repositories as an RO-Crate: files with sizes "
    "and checksums, the workflow with its versions, verdicts, licence ([deposit.md](deposit.md)).",
    "logs/{rule}/{job}.log": "What a job logged.",
    "benchmarks/{rule}/{job}.tsv": "Time and memory of a job, as Snakemake measures them.",
}
"""Files that no contract describes, by path."""

_INTRODUCTION = """\
# What each file holds

<!-- docs/outputs.py makes this page from the columns.py contracts: `make docs`. Do not edit. -->

All files are under `results/<corpus name>/`. Tables are tab-separated with one header line; an
empty cell is a missing value. Each table has its checksum beside it, `.NAME.sha256`: see
[recovery.md](recovery.md). Names in braces are placeholders: `{split}` is `train` or `test`,
`{shard}` is a number of five digits, `{target}` is the target in lower case. `{condition}` and
`{seed}` name a network, `{stimulus}` is the stimulus that it heard, `probe-{probe}` for the
probe set `{probe}`."""
_NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false"}
_PATH = re.compile(r"`([^`]+\.(?:tsv|parquet))`:\s")


def tables() -> dict[str, tuple[dict[str, type], str]]:
    """Return the columns and the description of every table, by its path under the results."""
    found = {}
    for module in sorted(PACKAGE.rglob("columns.py")):
        name = ".".join(module.relative_to(PACKAGE.parent).with_suffix("").parts)
        contracts = importlib.import_module(name)
        for name, text in _texts(module):
            columns = getattr(contracts, name)
            if not isinstance(columns, dict) or not set(columns.values()) <= set(_NAMES):
                continue
            path = _PATH.match(text)
            # Columns without a path are part of a table that another module describes.
            if path is not None:
                found[path[1]] = (columns, text[path.end() :])
    return found


def page() -> str:
    """Return the text of docs/outputs.md."""
    contracts = tables()
    lines = [_INTRODUCTION]
    everything = [*contracts, *OTHERS]
    for folder, heading in SECTIONS.items():
        own = [path for path in everything if _section(path) == folder]
        lines += ["", f"## {heading}"]
        for path in own:
            lines += ["", f"### `{path}`", ""]
            if path in OTHERS:
                lines.append(OTHERS[path])
                continue
            columns, text = contracts[path]
            paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
            lines.append("\n\n".join([_first_capital(paragraphs[0]), *paragraphs[1:]]))
            lines += ["", "| column | type |", "|---|---|"]
            lines += [f"| `{name}` | {_NAMES[kind]} |" for name, kind in columns.items()]
    return "\n".join(lines) + "\n"


def _section(path: str) -> str:
    folder = path.partition("/")[0]
    return folder if folder in SECTIONS else ""


def _texts(module: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each assignment in `module` that a text follows, and that text."""
    statements = ast.parse(module.read_text(encoding="utf-8")).body
    for statement, after in pairwise(statements):
        if (
            isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            yield statement.targets[0].id, str(after.value.value).strip()


def _first_capital(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    sys.path.insert(0, str(PACKAGE.parent))
    (DOCS / "outputs.md").write_text(page(), encoding="utf-8")
