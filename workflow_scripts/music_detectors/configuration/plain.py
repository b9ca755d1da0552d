"""Refuse values of a configuration that no schema bounds, and hide those that may be secret."""

import json
import math
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from music_detectors.common.errors import InputError, one_line
from music_detectors.common.urls import written_urls

_MAX_VALUES = 20_000
_MAX_DEPTH = 20
_MAX_TEXT = 4096
_MAX_WHOLE_NUMBER = 2**63


def check_values(configuration: Mapping) -> None:
    """Check every key and value of `configuration`, whatever key it belongs to.

    Numbers must be finite, texts printable, and there may not be so many values, one in the other,
    as YAML's aliases make of a few lines. Raises InputError naming the key.
    """
    waiting: list[tuple[tuple[str, ...], Any]] = [((), configuration)]
    n_values = 0
    while waiting:
        path, value = waiting.pop()
        n_values += 1
        if n_values > _MAX_VALUES or len(path) > _MAX_DEPTH:
            raise InputError(
                f"configuration: {_name(path[:4])} holds too much (more than {_MAX_VALUES} values, "
                f"or {_MAX_DEPTH} levels of keys); look for aliases (*name) in your file"
            )
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    raise InputError(
                        f"configuration: {_name(path)} has the key {one_line(key, 80)}, which is "
                        "not a text; put quotes around it"
                    )
                _check_text(key, (*path, key), "a name")
            waiting += [((*path, key), value[key]) for key in value]
        elif isinstance(value, list | tuple):
            waiting += [((*path, str(place)), entry) for place, entry in enumerate(value)]
        elif isinstance(value, str):
            _check_text(value, path, "a text")
        elif isinstance(value, float) and not math.isfinite(value):
            raise InputError(
                f"configuration: {_name(path)} is {value}, which is no number to compute with; "
                "give a finite one"
            )
        elif isinstance(value, int) and abs(value) >= _MAX_WHOLE_NUMBER:
            raise InputError(f"configuration: {_name(path)} must be a number of at most 18 digits")


def check_files(paths: Iterable[str | Path]) -> None:
    """Check that no configuration file of `paths` gives a key twice, of which one would be lost.

    Raises InputError naming file, key and line. Files that cannot be read are left to Snakemake.
    """
    for path in paths:
        try:
            text = Path(path).read_text(encoding="utf-8")
            try:
                json.loads(text, object_pairs_hook=_json_object)
            except (ValueError, RecursionError):
                _check_yaml(yaml.compose(text, Loader=yaml.CSafeLoader))
        except _Twice as twice:
            raise InputError(
                f"{path}: the key {one_line(twice, 120)} is there twice; remove one"
            ) from None
        except (OSError, ValueError, yaml.YAMLError, RecursionError):
            continue


def shown(configuration: Mapping) -> dict:
    """Return `configuration` as pages and records may show it.

    Addresses are without their queries, and arguments for yt-dlp's extractors, which may be tokens,
    are only counted.
    """
    found = written_urls(configuration)
    arguments = found["audio"]["youtube"]["extractor_args"]
    found["audio"]["youtube"]["extractor_args"] = [f"{len(arguments)} not shown"] * bool(arguments)
    return found


class _Twice(Exception):
    """A key that is there twice."""


def _json_object(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for key in keys if keys.count(key) > 1))
    return found


def _check_yaml(root: yaml.Node | None) -> None:
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            keys: set[Hashable] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if key.value in keys:
                        raise _Twice(f"{key.value} (line {key.start_mark.line + 1})")
                    keys.add(key.value)
                waiting.append(value)


def _check_text(text: str, path: tuple[str, ...], what: str) -> None:
    if not text.isprintable() or len(text) > _MAX_TEXT:
        raise InputError(
            f"configuration: {_name(path)} is {what} with characters that cannot be shown, or of "
            f"more than {_MAX_TEXT} characters: {one_line(repr(text), 80)}"
        )


def _name(path: Iterable[str]) -> str:
    return one_line(".".join(path) or "the whole", 120)
