"""Refuse a configuration that cannot work, in a line that names the key and what would be right."""

import difflib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from music_detectors.common.errors import InputError
from music_detectors.common.urls import check_url, is_url


def check_shape(configuration: Mapping, schema_path: str | Path) -> None:
    """Check keys, types and bounds of `configuration` against the JSON schema at `schema_path`.

    Raises InputError naming the first key that is wrong, and what it may be.
    """
    _refuse_what_moved(configuration)
    schema = yaml.safe_load(Path(schema_path).read_text(encoding="utf-8"))
    errors = list(Draft202012Validator(schema).iter_errors(configuration))
    if not errors:
        return
    # A misspelt key is both unknown and missing: the unknown one tells the user more.
    errors.sort(key=lambda error: (error.validator == "required", _key(error.absolute_path)))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    raise InputError(f"configuration: {_explain(errors[0])}{more}")


def check_sense(configuration: Mapping) -> None:
    """Check what the schema cannot say: combinations of keys, and files that must exist.

    Expects a configuration that `check_shape` accepts. Raises InputError naming the key.
    """
    corpus = configuration["corpus"]
    files = {
        "corpus.withheld_clips": corpus["withheld_clips"],
        "corpus.ontology": corpus["ontology"],
    }
    if corpus["source"] == "manifest":
        files["corpus.manifest.path"] = _needed(corpus["manifest"], "manifest", "path")
    elif corpus["source"] == "fsd50k":
        folder = _needed(corpus["fsd50k"], "fsd50k", "folder")
        if not Path(folder, "FSD50K.ground_truth").is_dir():
            raise InputError(
                f"configuration: corpus.fsd50k.folder is {folder!r}, which holds no folder "
                "FSD50K.ground_truth; give the folder that FSD50K was unpacked in"
            )
        if corpus["ontology"] is None:
            raise InputError(
                "configuration: corpus.ontology must be the path of AudioSet's ontology.json "
                "when corpus.source is fsd50k"
            )
    elif corpus["source"] == "audioset":
        for key in ("classes", "train_segments", "test_segments"):
            files[f"corpus.audioset.{key}"] = _needed(corpus["audioset"], "audioset", key)
        if corpus["ontology"] is None:
            raise InputError(
                "configuration: corpus.ontology must be the path of AudioSet's ontology.json "
                "when corpus.source is audioset"
            )
        _check_sources(configuration["audio"])
    if configuration["audio"]["ffmpeg"] is not None:
        files["audio.ffmpeg"] = configuration["audio"]["ffmpeg"]
    for key, path in files.items():
        if is_url(path) and _may_be_url(key, corpus["source"]):
            check_url(path, key)
        elif path is not None and not Path(path).is_file():
            raise InputError(f"configuration: {key} is {path!r}, and there is no such file")
    if not kept_conditions(configuration):
        raise InputError(
            "configuration: conditions names no condition; keep at least one, such as "
            "natural: {withhold: [Music], labels: given, epochs: 30}"
        )
    _check_claims(configuration)


def kept_conditions(configuration: Mapping) -> dict[str, dict]:
    """Return the conditions that are not dropped (null), in the order of the configuration.

    A condition that does not say which epoch to keep keeps the best.
    """
    return {
        name: {"keep": "best", **condition}
        for name, condition in configuration["conditions"].items()
        if condition is not None
    }


def _refuse_what_moved(configuration: Mapping) -> None:
    """Refuse keys of former versions, and say how to write them now."""
    corpus, networks = configuration.get("corpus"), configuration.get("networks")
    if isinstance(networks, Mapping) and "conditions" in networks:
        raise InputError(
            "configuration: networks.conditions is now the section conditions, beside networks; "
            "move it one level up, with a list for withhold: [Music, Singing], or [] for nothing"
        )
    if isinstance(corpus, Mapping) and "withheld" in corpus:
        raise InputError(
            "configuration: corpus.withheld is now a list for each condition, such as "
            "conditions.natural.withhold: [Music, Singing]; remove it from corpus"
        )
    if "quilts" in configuration:
        raise InputError(
            "configuration: quilts is now the section stimuli, which lists names; write stimuli: "
            "{played: [intact, quilt-50ms, quilt-100ms], compared_seconds: 8} for quilts: "
            "{segment_ms: [50, 100], compared_seconds: 8}"
        )


def _check_sources(audio: Mapping) -> None:
    """Refuse sources of AudioSet's clips that are named, but not there."""
    folder = audio["folder"]
    if "folder" in audio["sources"] and (folder is None or not Path(folder).is_dir()):
        raise InputError(
            "configuration: audio.folder must be a folder with AudioSet's clips when audio.sources "
            f"names folder, and {folder!r} is none"
        )
    if "archives" in audio["sources"] and not audio["archives"]:
        raise InputError(
            "configuration: audio.archives must list tar archives of AudioSet's clips when "
            "audio.sources names archives"
        )
    if "youtube" in audio["sources"]:
        for key in ("cookies", "deno"):
            path = audio["youtube"][key]
            if path is not None and not Path(path).is_file():
                raise InputError(
                    f"configuration: audio.youtube.{key} is {path!r}, and there is no such file"
                )


def _check_claims(configuration: Mapping) -> None:
    """Refuse claims about a condition that is not run, and a condition compared with itself."""
    claims, kept = configuration["claims"], kept_conditions(configuration)
    if claims["condition"] not in kept:
        raise InputError(
            f"configuration: claims.condition is {claims['condition']}, which is not among "
            f"conditions ({', '.join(kept)})"
        )
    declared = configuration["conditions"]
    for control in claims["controls"]:
        if control not in declared or control == claims["condition"]:
            raise InputError(
                f"configuration: claims.controls names {control}, which is no other condition "
                f"among conditions ({', '.join(declared)})"
            )


def _may_be_url(key: str, source: str) -> bool:
    """Return whether a rule downloads what `key` names; a manifest is read before any rule runs."""
    if source == "manifest":
        return key == "corpus.withheld_clips"
    return key.startswith("corpus.")


def _needed(section: Mapping, source: str, key: str) -> str:
    if section[key] is None:
        raise InputError(
            f"configuration: corpus.{source}.{key} must be a path when corpus.source is {source}"
        )
    return section[key]


def _explain(error: ValidationError) -> str:
    key = _key(error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        unknown = next(name for name in error.instance if name not in known)
        close = difflib.get_close_matches(str(unknown), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there may be: {', '.join(known)}"
        return f"unknown key {_key([*error.absolute_path, unknown])}; {hint}"
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f"{_key([*error.absolute_path, missing])} is missing; config.yaml shows its form"
    if "propertyNames" in error.absolute_schema_path:
        return (
            f"{_key([*error.absolute_path, error.instance])} is not a name of small letters, "
            "digits, - and _"
        )
    return f"{key} must be {_allowed(error.schema)}, not {json.dumps(error.instance, default=str)}"


def _allowed(schema: Mapping) -> str:
    if "enum" in schema:
        return " or ".join(", ".join(map(str, schema["enum"])).rsplit(", ", 1))
    if "description" in schema:
        return schema["description"]
    kind = schema.get("type", "something else")
    return {"object": "a mapping of keys", "string": "a text"}.get(kind, str(kind))


def _key(path: Iterable) -> str:
    return ".".join(map(str, path)) or "the whole"
