"""A mirror of AudioSet from the Hugging Face hub, at a fixed revision."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import build_hf_headers

from music_detectors.common.errors import ComeBackLater, InputError, one_line
from music_detectors.downloads.large import Wanted, bytes_to_come, check_room
from music_detectors.downloads.several import download_all, missing, write_record

_KEY = "downloads.mirror.folder"

# Otherwise the library tells the hub which other libraries and programs are here.
constants.HF_HUB_DISABLE_TELEMETRY = True


class Mirror(NamedTuple):
    """A data set on the hub: for each set of AudioSet its folder, and a pattern of its names."""

    repository: str
    revision: str
    sets: Mapping[str, tuple[str, str]]


MIRRORS = {
    "parquet": Mirror(
        "agkphysics/AudioSet",
        "0c609e8302cf139307f639c57652032af0a88041",
        {
            "bal_train": ("data/bal_train", r"\d+\.parquet"),
            "eval": ("data/eval", r"\d+\.parquet"),
            "unbal_train": ("data/unbal_train", r"\d+\.parquet"),
        },
    ),
    "tar": Mirror(
        "agkphysics/AudioSet",
        "196c0900867eff791b8f4d4be57db277e9a5b131",
        {"bal_train": ("", r"bal_train\d+\.tar"), "eval": ("", r"eval\d+\.tar")},
    ),
}
"""The mirrors, by the names that downloads.mirror.name may have."""


def fetch_mirror(name: str, sets: Sequence[str], folder: str, table: str | os.PathLike) -> None:
    """Download `sets` of the mirror `name` into `folder`, and write to `table` what they are.

    Files that are there with the published size and checksum are left as they are. The address of
    the hub is that in the environment variable HF_ENDPOINT, if it is set. Raises InputError where
    the mirror lacks a set, the folder holds other archives, or its disk has too little room, and
    ComeBackLater where the hub cannot be reached for now.
    """
    mirror = MIRRORS[name]
    for one in sets:
        if one not in mirror.sets:
            raise InputError(
                f"configuration: downloads.mirror.sets names {one}, which the mirror {name} "
                f"lacks; it has {', '.join(mirror.sets)}"
            )
    _refuse_others(folder, name)
    wanted = [file for one in sets for file in listed(mirror, one)]
    lacking = missing(wanted, folder)
    expected = sum(bytes_to_come(one, folder) for one in lacking)
    check_room(folder, expected, _KEY)
    download_all(lacking, folder, expected, mirror.repository)
    notes = [f"{mirror.repository}, revision {mirror.revision}"]
    write_record(table, wanted, "sha256", notes)


def listed(mirror: Mirror, name: str) -> list[Wanted]:
    """Return the files of the set `name` of a mirror, with what the hub says of them."""
    folder, pattern = mirror.sets[name]
    headers = {
        key: value for key, value in build_hf_headers().items() if key.lower() == "authorization"
    }
    found = []
    for entry in _tree(mirror, folder):
        own = re.escape(f"{folder}/") if folder else ""
        if not isinstance(entry, RepoFile) or not re.fullmatch(own + pattern, entry.path):
            continue
        if entry.lfs is None or not re.fullmatch("[0-9a-f]{64}", entry.lfs.sha256):
            raise InputError(f"{mirror.repository}: the hub publishes no SHA-256 of {entry.path}")
        url = hf_hub_url(
            mirror.repository,
            entry.path,
            repo_type="dataset",
            revision=mirror.revision,
            endpoint=_endpoint(),
        )
        found.append(Wanted(entry.path, url, entry.size, "sha256", entry.lfs.sha256, headers))
    if not found:
        raise InputError(
            f"{mirror.repository}: revision {mirror.revision} has no files of {name}; take another "
            "mirror in downloads.mirror.name"
        )
    return sorted(found)


def _endpoint() -> str | None:
    """Return the address of the hub, if it is another than the library's."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or None


def _tree(mirror: Mirror, folder: str) -> list:
    """Return the entries of a folder of the repository; the hub is asked again after failures."""
    where = f"{mirror.repository}, revision {mirror.revision}"
    try:
        return list(
            HfApi(endpoint=_endpoint()).list_repo_tree(
                mirror.repository, folder or None, revision=mirror.revision, repo_type="dataset"
            )
        )
    except HfHubHTTPError as error:
        code = error.response.status_code
        if code in (400, 401, 403, 404, 410, 451):
            raise InputError(
                f"{where}: the hub answers with status {code}; take another mirror in "
                "downloads.mirror.name, or download it by other means (docs/downloads.md)"
            ) from error
        raise ComeBackLater(
            f"{where}: the hub answers with status {code}; run the same command again later"
        ) from error
    # An answer that is no list, as from a network portal, is a ValueError or a KeyError.
    except (OSError, ValueError, KeyError, TypeError, httpx2.HTTPError) as error:
        raise ComeBackLater(
            f"{where}: the hub cannot be asked for its files ({one_line(error, 160)}); check the "
            "network, then run the same command again"
        ) from error


def _refuse_others(folder: str, name: str) -> None:
    """Raise InputError if `folder` has archives of something else, since all in it are read."""
    own = [
        (re.escape(f"{inside}/") if inside else "") + pattern
        for inside, pattern in MIRRORS[name].sets.values()
    ]
    for path in sorted(Path(folder).rglob("[!.]*")):
        place = path.relative_to(folder).as_posix()
        if path.suffix in (".tar", ".parquet") and not any(
            re.fullmatch(pattern, place) for pattern in own
        ):
            raise InputError(
                f"{path}: is no file of the mirror {name}; move it away, or name another folder in "
                f"{_KEY}"
            )
