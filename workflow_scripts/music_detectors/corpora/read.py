"""The claims of several corpora, and whether they can stand on one page."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from music_detectors.claims.columns import RANK, VERDICTS, WHOLE
from music_detectors.claims.settings import SETTINGS
from music_detectors.common.damage import damaged
from music_detectors.common.errors import InputError
from music_detectors.common.files import read_checked
from music_detectors.common.tables import read_table

OWN = "corpora"
"""The folder under results/ that holds what several corpora have in common."""
_TABLE = Path("claims", "claims.tsv")


class Corpus(NamedTuple):
    """The claims of one corpus."""

    name: str
    parts: pd.DataFrame
    """The needed parts: claim, part, unit, verdict, reason, estimate, error, smallest_effect,
    equivalence, n_networks, n_clips, and rank_p, which only parts tested by rank have."""
    settings: dict
    """What they were judged by: version, target, condition, alpha, sounds, smallest_effects."""


def find_corpora(named: Sequence[str], results: str | os.PathLike) -> list[Path]:
    """Return the folders of the corpora that are `named`, or of all in the folder `results`.

    A name is that of a folder in `results`, or a path. Only corpora whose claims were judged are
    found. Raises InputError for a named one whose were not, for one that is named twice, and when
    there is none.
    """
    if not named:
        found = sorted(path.parents[1] for path in Path(results).glob(f"*/{_TABLE}"))
        found = [folder for folder in found if folder.name != OWN]
        if not found:
            raise InputError(
                f"{results}: no corpus here has claims ({Path('*', _TABLE)}); run the target "
                "claims with the configuration of each corpus first"
            )
        return found
    found = []
    for name in named:
        folder = next((one for one in (Path(results, name), Path(name)) if one.is_dir()), None)
        if folder is None or not (folder / _TABLE).is_file():
            raise InputError(
                f"configuration: corpora names {name}, which has no {_TABLE}; run the target "
                "claims with the configuration of that corpus, or correct the name (a folder in "
                f"{results}, or a path)"
            )
        if folder.resolve() in {one.resolve() for one in found}:
            raise InputError(f"configuration: corpora names {name} twice; remove it once")
        found.append(folder)
    return found


def read_corpus(folder: str | os.PathLike) -> Corpus:
    """Return the claims of the corpus whose results are in `folder`.

    Raises InputError, naming the file, when one cannot be read or is of an earlier version.
    """
    path, beside = Path(folder, _TABLE), Path(folder, _TABLE.with_name("settings.json"))
    if not beside.exists():
        raise InputError(
            f"{path}: judged by an earlier version, which did not write {beside.name}; run the "
            "target claims with the configuration of this corpus again"
        )
    try:
        settings = json.loads(read_checked(beside, "file of settings"))
        missing = [key for key in SETTINGS if key not in settings]
    except (ValueError, TypeError) as error:
        raise damaged(beside, "file of settings", error) from error
    if missing:
        raise damaged(beside, "file of settings", f"lacks {missing[0]}")
    table = read_table(path, VERDICTS)
    table = table[(table["part"] != WHOLE) & table["needed"]]
    table = table.assign(
        equivalence=table["test"].str.endswith("equivalence"),
        rank_p=table["p"].where(table["test"] == RANK),
    )
    return Corpus(Path(folder).resolve().name, table.reset_index(drop=True), settings)


def comparable(corpora: Sequence[Corpus]) -> list[str]:
    """Return, in words, in what the `corpora` differ that stands in the way of a comparison.

    Raises InputError when they are about different targets, or two have one name.
    """
    by_name = {corpus.name: corpus for corpus in corpora}
    if len(by_name) < len(corpora):
        raise InputError(
            "configuration: corpora names two folders of one name; give one of the corpora another"
        )
    targets = _by_value(corpora, "target")
    if len(targets) > 1:
        raise InputError(
            f"configuration: corpora are about different targets: {_listed(targets)}; name those "
            "of one target in corpora"
        )
    said = {
        "version": "were judged by different versions of the workflow, so estimates may be defined "
        "differently",
        "code": "were judged by different code of the claims, so estimates may be defined "
        "differently",
        "sounds": "count different things as one draw of a sound",
        "alpha": "have different probabilities of a wrong verdict",
        "condition": "are about networks of different conditions",
    }
    found = []
    for key, words in said.items():
        values = _by_value(corpora, key)
        # Another version has other code.
        if len(values) > 1 and not (key == "code" and len(_by_value(corpora, "version")) > 1):
            shown = f": {_listed(values)}" if key != "code" else ""
            found.append(f"The corpora {words}{shown}.")
    return found


def _by_value(corpora: Sequence[Corpus], key: str) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for corpus in corpora:
        values.setdefault(str(corpus.settings[key]), []).append(corpus.name)
    return values


def _listed(values: dict[str, list[str]]) -> str:
    return "; ".join(f"{value} ({', '.join(names)})" for value, names in values.items())
