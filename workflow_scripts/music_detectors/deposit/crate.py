"""The run described for repositories: an RO-Crate, whose root is the folder of the results.

https://www.researchobject.org/ro-crate/specification/1.1/, with the run as in the profile Process
Run Crate (https://w3id.org/ro/wfrun/process/0.5).
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from music_detectors.claims.columns import CLAIMS, VERDICTS, WHOLE
from music_detectors.claims.statements import TITLES
from music_detectors.common.damage import checksum_path
from music_detectors.common.errors import InputError
from music_detectors.common.files import check_checksum, replacing, sha256
from music_detectors.common.places import without_places
from music_detectors.common.tables import read_table
from music_detectors.corpus.targets import target_name
from music_detectors.report import made_with

EPOCH = "SOURCE_DATE_EPOCH"
"""The variable that names the date of the description, in seconds since 1970; see
https://reproducible-builds.org/specs/source-date-epoch/."""

_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_ARTICLE = "https://doi.org/10.1038/s41467-023-44516-0"
_MIT = "https://spdx.org/licenses/MIT"
# Not among the terms of RO-Crate 1.1.
_TERMS = {"sha256": "https://schema.org/sha256"}
_FORMATS = {
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tsv": "text/tab-separated-values",
}
_PLACES = {
    "configuration.json": "the configuration of the run",
    "acoustics": "acoustic covariates of the clips",
    "audio": "what became of the clips",
    "claims": "the claims: estimates and verdicts",
    "corpus": "classes and clips of the corpus",
    "decoding": "decoding of the target",
    "embedding": "embedding of responses",
    "emergence": "units over training",
    "figures": "a figure of the report",
    "genres": "responses to genres of the target",
    "lesions": "recognition without the selective units",
    "levels": "responses at other levels of sound",
    "networks": "a network: its weights, or how it was trained",
    "plan": "what was to be judged, written before the run",
    "preferred": "stimuli made to drive selective units",
    "probes": "sounds from outside the corpus",
    "profiles": "responses to sounds from outside the corpus",
    "quilts": "responses to quilts of sound",
    "recognition": "recognition of classes",
    "selectivity": "which units respond to the target",
    "specificity": "the target among random sets of classes",
    "tables": "all units and their responses, for other programs",
    "units.html": "every unit, to explore and to hear",
}


def describe_run(
    files: Sequence[str | os.PathLike],
    claims: str | os.PathLike,
    weights: Sequence[str | os.PathLike],
    report: str | os.PathLike,
    configuration: str | os.PathLike,
    crate: str | os.PathLike,
    *,
    config: Mapping,
) -> None:
    """Write `configuration`, without local paths, and `crate`, which describes the run.

    `files` are described with sizes and checksums, and so is `configuration`; the page `report` has
    neither, since it shows how long jobs took. `claims` is the table of claims, `weights` are the
    files of the networks. The date is that of the newest of `files`, or of the environment's
    SOURCE_DATE_EPOCH; otherwise the same results give the same bytes. Raises InputError when a file
    is missing or damaged.
    """
    root = Path(crate).parent
    settings = without_places(config)
    with replacing(configuration, checksum=True) as temporary:
        text = json.dumps(settings, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    about = ROCrate(version="1.1")
    about.metadata.extra_terms.update(_TERMS)
    verdicts = read_table(claims, VERDICTS)
    verdicts = verdicts[verdicts["part"] == WHOLE].set_index("claim")["verdict"]
    described = [
        about.add_file(dest_path=_name(path, root), properties=_file(Path(path), root))
        for path in sorted([*files, configuration], key=lambda path: _name(path, root))
    ]
    page = about.add_file(
        dest_path=_name(report, root),
        properties={
            "name": "report",
            "description": "Claims, figures and methods on one page. It shows how long jobs took, "
            "so it has no checksum here.",
            "encodingFormat": "text/html",
        },
    )
    target = target_name(config["corpus"]["target"])
    networks = made_with.networks(weights)
    name = f"Responses to {target} in deep neural networks: {config['corpus']['name']}"
    about.name = name
    about.description = (
        f"Whether networks hold detectors of {target}: {len(networks)} models in "
        f"{networks['condition'].nunique()} conditions, and {len(verdicts)} claims judged. Made by "
        "the workflow for the study of Kim, Kim and Jeong (2024)."
    )
    about.root_dataset["datePublished"] = _date([*files, claims])
    about.root_dataset["keywords"] = f"{target}, auditory neuroscience, deep neural networks"
    about.root_dataset["conformsTo"] = _added(
        about, _PROFILE, "CreativeWork", name="Process Run Crate", version="0.5"
    )
    about.root_dataset["citation"] = _added(
        about,
        _ARTICLE,
        "ScholarlyArticle",
        name="Spontaneous emergence of rudimentary music detectors in deep neural networks",
    )
    if config["deposit"]["licence"]:
        address = config["deposit"]["licence"]
        about.license = _added(about, address, "CreativeWork", name=address)
    action = about.add_action(
        _instrument(about),
        identifier="#run",
        object=[one for one in described if one.id == _name(configuration, root)],
        result=[*(one for one in described if one.id != _name(configuration, root)), page],
        properties={"name": f"Run of the workflow on {config['corpus']['name']}"},
    )
    about.root_dataset["mentions"] = [action, *_verdicts(about, verdicts)]
    text = json.dumps(about.metadata.generate(), indent=1, sort_keys=True, ensure_ascii=False)
    with replacing(crate, checksum=True) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _name(path: str | os.PathLike, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _file(path: Path, root: Path) -> dict[str, object]:
    """Return the properties of a file; raises InputError, naming it, if missing or damaged."""
    name = _name(path, root)
    if checksum_path(path).exists():
        check_checksum(path, "file")
    try:
        return {
            "name": name,
            "description": _PLACES.get(name.partition("/")[0], "a result of the run"),
            "encodingFormat": _FORMATS.get(path.suffix, "application/octet-stream"),
            "contentSize": str(path.stat().st_size),
            "sha256": sha256(path),
        }
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); run the workflow again"
        ) from error


def _added(about: ROCrate, identifier: str, kind: str, **properties: object) -> ContextEntity:
    return about.add(ContextEntity(about, identifier, properties={"@type": kind, **properties}))


def _instrument(about: ROCrate) -> ContextEntity:
    """Return the workflow, with the versions of what it runs on."""
    versions = made_with.versions()
    own = versions.pop("this workflow")
    libraries = [
        _added(about, f"#{name}", "SoftwareApplication", name=name, softwareVersion=version)
        for name, version in versions.items()
    ]
    return _added(
        about,
        "#workflow",
        "SoftwareApplication",
        name="Music detectors in deep neural networks: a Snakemake workflow",
        softwareVersion=own,
        license=_added(about, _MIT, "CreativeWork", name="MIT License"),
        softwareRequirements=libraries,
    )


def _verdicts(about: ROCrate, verdicts: Mapping[str, str]) -> Iterable[ContextEntity]:
    return [
        _added(about, f"#claim-{claim}", "PropertyValue", name=TITLES[claim], value=verdicts[claim])
        for claim in CLAIMS
        if claim in verdicts
    ]


def _date(paths: Iterable[str | os.PathLike]) -> str:
    """Return the day of the newest file in UTC, or that of SOURCE_DATE_EPOCH."""
    named = os.environ.get(EPOCH)
    try:
        seconds = float(named) if named else max(os.stat(path).st_mtime for path in paths)
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError):
        raise InputError(f"{EPOCH} is {named!r}; give seconds since 1970, or unset it") from None
