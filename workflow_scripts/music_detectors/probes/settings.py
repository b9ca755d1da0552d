"""The section `probes` of a configuration, with what built-in probe sets bring.

The Snakefile calls these while it is read, so nothing heavy is imported here.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from music_detectors.common.errors import InputError
from music_detectors.common.urls import check_url, is_url
from music_detectors.corpus.targets import Target, slug, target_name
from music_detectors.probes.places import Folder, Place, find, find_all, open_zip
from music_detectors.probes.sets import set_named, set_names
from music_detectors.probes.tables import check_targets, read_categories


class ProbeSet(NamedTuple):
    """A probe set: its name, and the keys of the configuration.

    Its sounds are in `folder` or in `zip` (a path or a URL), or in neither if the workflow makes
    them. `target` gives the categories of each target that has any, by the target's name in paths.
    `licence` and `attribution` are the terms of all its sounds, "" where nothing is known.
    """

    name: str
    folder: str | None
    zip: str | None
    categories: str | None
    profiles: str | None
    target: Mapping[str, Sequence[str]]
    licence: str = ""
    attribution: str = ""

    @property
    def key(self) -> str:
        """The key of the configuration."""
        return _key(self.name)

    @property
    def is_made(self) -> bool:
        """Whether the workflow makes the sounds."""
        return self.folder is None and self.zip is None

    @property
    def has_profiles(self) -> bool:
        """Whether the set has reference profiles."""
        return self.is_made or self.profiles is not None


class Table(NamedTuple):
    """A table of a probe set: its content, and its path, which a table in a zip has not."""

    content: bytes
    origin: str
    path: str | None


@dataclass(frozen=True)
class Listed:
    """The tables and files of a probe set.

    `categories` and `files` give the category of each sound, and the name of its file in the
    folder or zip; `table` is that of the categories, `reference` that of reference profiles.
    """

    categories: Mapping[str, str]
    files: Mapping[str, str]
    table: Table
    reference: Table | None


def probe_sets(section: Mapping, targets: Mapping[str, Target]) -> dict[str, ProbeSet]:
    """Return the probe sets of the `section` probes that are not dropped (null), by name.

    `targets` are the targets by their names in paths, that of the claims first. A set that the
    workflow makes leaves itself out if none of its categories belongs to a target. Raises
    InputError, naming the key, when something is missing or contradicts.
    """
    found = {}
    for name, given in section.items():
        if given is None:
            continue
        brought = dict(set_named(name).SETTINGS) if name in set_names() else {}
        own_place = [key for key in ("folder", "zip") if given.get(key) is not None]
        if own_place:
            # A copy elsewhere, in place of where the built-in set is published.
            brought.pop("zip", None)
        settings = {**brought, **given}
        _check_place(name, settings, own_place)
        target = _categories_of(settings["target"], targets)
        probe = ProbeSet(
            name=name,
            folder=settings.get("folder"),
            zip=settings.get("zip"),
            categories=settings.get("categories"),
            profiles=settings.get("profiles"),
            target=target,
            licence=settings.get("licence", ""),
            attribution=settings.get("attribution", ""),
        )
        if target:
            found[name] = probe
        elif given.get("target") or not probe.is_made:
            names = [target_name(target) for target in targets.values()]
            raise InputError(
                f"{probe.key}.target has no categories for {', '.join(names)}; list those that are "
                f"its own: {{{names[0]}: [...]}}"
            )
    return found


def check_here(probe: ProbeSet) -> None:
    """Check the probe set before anything runs, as far as its files are on this machine.

    Raises InputError, naming the file, when a sound or a table is missing or wrong.
    """
    if probe.is_made or is_url(probe.zip):
        return
    with opened(probe, probe.zip) as place:
        listed(probe, place)


def files_here(probe: ProbeSet) -> list[str]:
    """Return the paths of the files that the probe set is read from, as far as they are here."""
    if probe.is_made:
        return []
    if is_url(probe.zip):
        # Tables may still be on this machine.
        named = [probe.categories, probe.profiles]
        return [name for name in named if name is not None and os.path.isfile(name)]
    with opened(probe, probe.zip) as place:
        found = listed(probe, place)
        tables = [table.path for table in (found.table, found.reference) if table and table.path]
        if probe.folder is None:
            return [str(probe.zip), *tables]
        sounds = [str(Path(probe.folder, name)) for name in found.files.values()]
        return list(dict.fromkeys([*tables, *sounds]))


@contextmanager
def opened(probe: ProbeSet, zip_path: str | None) -> Iterator[Place]:
    """Yield the folder of `probe`, or the zip at `zip_path`. Raises InputError."""
    if probe.folder is not None:
        yield Folder(probe.folder, f"{probe.key}.folder")
    else:
        assert zip_path is not None
        if not os.path.isfile(zip_path):
            raise InputError(f"{probe.key}.zip is {zip_path!r}, and there is no such file")
        with open_zip(zip_path) as place:
            yield place


def listed(probe: ProbeSet, place: Place) -> Listed:
    """Return what the tables of `probe` list, and where it is in `place`. Raises InputError."""
    table = _table(place, str(probe.categories))
    reference = None if probe.profiles is None else _table(place, probe.profiles)
    categories = read_categories(table.content, table.origin)
    check_targets(categories, probe.target, f"{probe.key}.target")
    return Listed(categories, find_all(place, categories), table, reference)


def _table(place: Place, wanted: str) -> Table:
    """Return the table `wanted`: the name of a file in `place`, or else the path of one."""
    try:
        name = find(place, wanted)
    except InputError:
        if not os.path.isfile(wanted):
            raise
        return Table(Path(wanted).read_bytes(), wanted, wanted)
    path = str(Path(place.path, name)) if isinstance(place, Folder) else None
    return Table(place.read(name), f"{place}/{name}", path)


def _key(name: str) -> str:
    return f"configuration: probes.{name}"


def _check_place(name: str, settings: Mapping, own_place: Sequence[str]) -> None:
    """Refuse settings that do not say where the sounds are, or more than once."""
    key = _key(name)
    is_made = name in set_names() and "zip" not in set_named(name).SETTINGS
    if len(own_place) > 1:
        raise InputError(f"{key} has both a folder and a zip; remove one of them")
    if is_made:
        own = [key for key in ("folder", "zip", "categories", "profiles") if settings.get(key)]
        if own:
            raise InputError(
                f"{key} has {own[0]}, but the workflow makes the sounds of {name}; choose another "
                "name for a probe set of your own"
            )
        return
    if settings.get("folder") is None and settings.get("zip") is None:
        raise InputError(
            f"{key} must have a folder or a zip with its sounds; the probe sets that need none are "
            f"{', '.join(set_names())}"
        )
    if is_url(settings.get("zip")):
        check_url(settings["zip"], f"probes.{name}.zip")
    if settings.get("categories") is None:
        raise InputError(
            f"{key}.categories must name the table of sounds and categories, such as categories.csv"
        )
    if settings.get("target") is None:
        raise InputError(
            f"{key}.target must list the categories that are the target's, such as [Music, Song]"
        )


def _categories_of(
    given: Sequence[str] | Mapping[str, Sequence[str]], targets: Mapping[str, Target]
) -> dict[str, list[str]]:
    """Return the categories of each of `targets` that has any; a list is for the first target."""
    if not isinstance(given, Mapping):
        return {next(iter(targets)): list(given)}
    by_slug = {slug(target): list(categories) for target, categories in given.items()}
    return {target: by_slug[target] for target in targets if target in by_slug}
