"""Refuse a configuration that cannot work, in one line with the keys and the permitted values."""

import difflib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import cast

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from music_detectors.common.errors import InputError, Mistakes, one_line
from music_detectors.configuration.plain import check_values
from music_detectors.corpus.inputs import check_there
from music_detectors.corpus.sources import source_named, source_names

_OF_TRAINING = ("withhold", "labels", "epochs")
# What names responses that another tool computed, in place of a model.
_GIVEN = "responses"
_ENDINGS = (".h5", ".hdf5", ".npz", ".parquet")
_FILLED = ("stimulus", "split", "seed")
# What a condition says of a PyTorch module, besides model and layers.
_OF_MODULES = ("arguments", "weights", "pooling", "unit_axis", "outputs")
# The parts of claims.compared that only trained networks can play.
_OF_NETWORKS = ("target_heard", "shuffled", "speech_withheld", "withheld_others")

_AS_TEXT = (
    "; it is a text, as all that --config gives within {} is: write it without quotes into a file, "
    "and lay that over with --configfile"
)

# JSON Schema takes 2.0 for a whole number; the code that uses it would not.
_Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)


def check_shape(configuration: Mapping, schema_path: str | Path) -> None:
    """Check keys, types and bounds of `configuration` against the JSON schema at `schema_path`.

    No number may be infinite or NaN, which would pass every bound of the schema. Every source of a
    corpus adds the schema of its own section. Raises InputError naming every key that is wrong, and
    what it may be.
    """
    check_values(configuration)
    _refuse_what_moved(configuration)
    check_against(configuration, whole_schema(configuration, schema_path))


def check_against(configuration: Mapping, schema: Mapping) -> None:
    """Raise InputError naming every key of `configuration` that the JSON `schema` refuses."""
    errors = list(_Validator(schema).iter_errors(configuration))
    # A misspelt key is both unknown and missing: the unknown one tells the user more.
    errors.sort(key=lambda error: (error.validator == "required", _key(error.absolute_path)))
    mistakes = Mistakes()
    meant: set[str] = set()
    for error in errors:
        for told in _explanations(error, meant, schema.get("$defs", {})):
            with mistakes.noted():
                raise InputError(f"configuration: {told}")
    mistakes.report()


def whole_schema(configuration: Mapping, schema_path: str | Path) -> dict:
    """Return the JSON schema at `schema_path` with the sections of all sources of a corpus.

    The section of the configured source is required.
    """
    schema = yaml.load(Path(schema_path).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    corpus = schema["properties"]["corpus"]
    names = source_names()
    corpus["properties"]["source"] = {"enum": names}
    corpus["properties"] |= {name: source_named(name).SECTION for name in names}
    section = configuration.get("corpus")
    if isinstance(section, Mapping) and section.get("source") in names:
        corpus["required"].append(section["source"])
    return schema


def check_sense(configuration: Mapping) -> None:
    """Check what the schema cannot say: combinations of keys, and files that must exist.

    Expects a configuration that `check_shape` accepts. Raises InputError naming the key.
    """
    corpus, audio = configuration["corpus"], configuration["audio"]
    source = source_named(corpus["source"])
    mistakes = Mistakes()
    with mistakes.noted():
        if corpus["name"] == "corpora":
            raise InputError(
                "configuration: corpus.name is corpora, the folder of the page over several "
                "corpora; give the corpus another name"
            )
    with mistakes.noted():
        source.check(corpus)
    if source.SOUND == "audioset":
        with mistakes.noted():
            _check_sources(audio)
    for key in ("ontology", "withheld_clips"):
        if corpus[key] is not None:
            with mistakes.noted():
                check_there(corpus[key], f"corpus.{key}", may_be_url=True)
    with mistakes.noted():
        if audio["min_seconds"] > corpus["clip_seconds"]:
            raise InputError(
                f"configuration: audio.min_seconds is {audio['min_seconds']:g}, more than the "
                f"{corpus['clip_seconds']:g} s of corpus.clip_seconds, so every clip would be left "
                "out; lower it"
            )
    if audio["ffmpeg"] is not None:
        with mistakes.noted():
            check_there(audio["ffmpeg"], "audio.ffmpeg")
    with mistakes.noted():
        if not kept_conditions(configuration):
            raise InputError(
                "configuration: conditions names no condition; keep at least one, such as "
                "natural: {withhold: [Music], labels: given, epochs: 100}"
            )
        for name, condition in kept_conditions(configuration).items():
            with mistakes.noted():
                _check_condition(name, condition)
            with mistakes.noted():
                _check_given(name, condition, configuration)
        with mistakes.noted():
            _check_claims(configuration)
    mistakes.report()


def kept_conditions(configuration: Mapping) -> dict[str, dict]:
    """Return the conditions that are not dropped (null), in the order of the configuration.

    A trained condition that does not say which epoch to keep keeps the best. A module that is
    trained for 0 epochs is not trained, so it has no epochs.
    """
    kept = {}
    for name, condition in configuration["conditions"].items():
        if condition is None:
            continue
        if "layers" in condition and condition.get("epochs") == 0:
            kept[name] = {key: value for key, value in condition.items() if key != "epochs"}
        else:
            kept[name] = {"keep": "best", **condition} if "epochs" in condition else {**condition}
    return kept


def _kept_probes(configuration: Mapping) -> list[str]:
    return [f"probe-{name}" for name, one in configuration["probes"].items() if one is not None]


def _refuse_what_moved(configuration: Mapping) -> None:
    """Refuse keys of earlier versions, and say how to write them now."""
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
    claims = configuration.get("claims")
    if isinstance(claims, Mapping) and "controls" in claims:
        raise InputError(
            "configuration: claims.controls is now the section claims.compared, which says what "
            "part each condition plays; write compared: {controls: [untrained], shuffled: "
            "[shuffled]}"
        )
    if "quilts" in configuration:
        raise InputError(
            "configuration: quilts is now the section stimuli, which lists names; write stimuli: "
            "{played: [intact, quilt-50ms, quilt-100ms], compared_seconds: 8} for quilts: "
            "{segment_ms: [50, 100], compared_seconds: 8}"
        )


def _check_condition(name: str, condition: Mapping) -> None:
    """Refuse a condition that lacks some settings for training, or whose snapshots do not fit."""
    if "trained_on" in condition and "epochs" in condition:
        raise InputError(
            f"configuration: conditions.{name}.trained_on is for a network that is not trained "
            f"here, and conditions.{name}.epochs is {condition['epochs']}; leave out one of them"
        )
    if condition.get("model") == _GIVEN:
        return
    _check_module(name, condition)
    given = [key for key in _OF_TRAINING if key in condition]
    missing = [key for key in _OF_TRAINING if key not in condition]
    given += [key for key in ("keep", "snapshots") if key in condition]
    if missing and (given or "model" not in condition):
        raise InputError(
            f"configuration: conditions.{name} lacks {', '.join(missing)}; a condition "
            f"has {', '.join(_OF_TRAINING)}, or nothing but a model that is not trained"
        )
    snapshots = condition.get("snapshots", [])
    if snapshots != sorted(snapshots) or any(epoch > condition["epochs"] for epoch in snapshots):
        raise InputError(
            f"configuration: conditions.{name}.snapshots is {snapshots}; it must list epochs in "
            f"increasing order, each at most conditions.{name}.epochs, which is "
            f"{condition['epochs']}, or none ([])"
        )


def _check_given(name: str, condition: Mapping, configuration: Mapping) -> None:
    """Refuse files of responses that are named without `model: responses`, or wrongly with it."""
    key = f"configuration: conditions.{name}"
    if condition.get("model") != _GIVEN:
        if "files" in condition:
            raise InputError(f"{key}.files is only for a condition with model: {_GIVEN}")
        return
    others = [
        one for one in condition if one not in ("model", "files", "input", "trained_on", "keep")
    ]
    if others:
        raise InputError(
            f"{key}.model is {_GIVEN}, whose responses another tool computed: leave out "
            f"{', '.join(others)}"
        )
    files = condition.get("files")
    if files is None:
        raise InputError(
            f"{key}.files is missing; it says where the responses are, such as "
            '"mine/{stimulus}/{split}.npz"'
        )
    try:
        fields = [part[1:] for part in Formatter().parse(files) if part[1] is not None]
    except ValueError:
        fields = [("", "", None)]
    if any(one not in _FILLED or form or kind for one, form, kind in fields):
        raise InputError(
            f"{key}.files is {one_line(files, 120)}; within braces there may be only "
            f"{', '.join(_FILLED)}"
        )
    if Path(files).suffix.lower() not in _ENDINGS:
        raise InputError(
            f"{key}.files is {one_line(files, 120)}; its files must end with {', '.join(_ENDINGS)}"
        )
    further = [*configuration["stimuli"]["played"], *_kept_probes(configuration)]
    if further and "stimulus" not in [one for one, *_ in fields]:
        raise InputError(
            f"{key}.files is {one_line(files, 120)}, the same files for every stimulus; write "
            f"{{stimulus}} where their paths name it, since this run plays {further[0]} too"
        )


def _check_module(name: str, condition: Mapping) -> None:
    """Refuse keys of a PyTorch module that do not fit each other, and files that do not exist."""
    key = f"configuration: conditions.{name}"
    given = [each for each in _OF_MODULES if each in condition]
    if "layers" not in condition:
        if given:
            raise InputError(
                f"{key} has {', '.join(given)}, which are for a model that is a torch.nn.Module; "
                "name its layers, such as layers: [encoder.layers.*]"
            )
        return
    if ":" not in condition.get("model", ""):
        raise InputError(
            f"{key}.layers names layers of a torch.nn.Module, so {key}.model must be "
            "package.module:factory"
        )
    if "epochs" in condition:
        for each in ("weights", "outputs"):
            if condition.get(each):
                raise InputError(
                    f"{key}.{each} is for a network that is not trained here, and "
                    f"conditions.{name}.epochs is {condition['epochs']}; leave out one of them"
                )
    mistakes = Mistakes()
    for path in weights_of(condition):
        with mistakes.noted():
            check_there(path, f"conditions.{name}.weights")
    if condition.get("outputs"):
        with mistakes.noted():
            check_there(condition["outputs"], f"conditions.{name}.outputs")
    mistakes.report()


def weights_of(condition: Mapping) -> list[str]:
    """Return the files of weights of a condition of the configuration, one for each network."""
    weights = condition.get("weights") or []
    return [weights] if isinstance(weights, str) else list(weights)


def _check_sources(audio: Mapping) -> None:
    """Refuse sources of AudioSet's clips that are named but do not exist."""
    folder = audio["folder"]
    mistakes = Mistakes()
    with mistakes.noted():
        if "folder" in audio["sources"] and (folder is None or not os.path.isdir(folder)):
            raise InputError(
                "configuration: audio.folder must be a folder with AudioSet's clips when "
                f"audio.sources names folder, and {folder!r} is none"
            )
    with mistakes.noted():
        if "archives" in audio["sources"] and not audio["archives"]:
            raise InputError(
                "configuration: audio.archives must list archives of AudioSet's clips when "
                "audio.sources names archives"
            )
    if "youtube" in audio["sources"]:
        for key in ("cookies", "deno"):
            path = audio["youtube"][key]
            if path is not None:
                with mistakes.noted():
                    check_there(path, f"audio.youtube.{key}")
    mistakes.report()


def _check_claims(configuration: Mapping) -> None:
    """Refuse claims about a condition that is not trained, and about one compared with itself."""
    claims, kept = configuration["claims"], kept_conditions(configuration)
    if claims["condition"] not in kept:
        raise InputError(
            f"configuration: claims.condition is {claims['condition']}, which is not among "
            f"conditions ({', '.join(kept)})"
        )
    condition = kept[claims["condition"]]
    if "epochs" not in condition and "layers" not in condition:
        raise InputError(
            f"configuration: claims.condition is {claims['condition']}, whose model is not "
            "trained; name a condition with networks (a fixed model can be among claims.compared)"
        )
    mistakes = Mistakes()
    for part, names in claims["compared"].items():
        for name in names:
            with mistakes.noted():
                _check_compared(configuration, part, name)
    mistakes.report()


def _check_compared(configuration: Mapping, part: str, name: str) -> None:
    """Refuse a condition that cannot play its part in claims.compared."""
    declared, kept = configuration["conditions"], kept_conditions(configuration)
    key = f"configuration: claims.compared.{part} names {name}"
    if name not in declared or name == configuration["claims"]["condition"]:
        raise InputError(
            f"{key}, which is no other condition among conditions ({', '.join(declared)})"
        )
    if part in _OF_NETWORKS and name in kept and "epochs" not in kept[name]:
        raise InputError(
            f"{key}, whose model is not trained; name a trained condition, or [] for none"
        )
    if part == "withheld_others" and name in kept and not kept[name]["withhold"]:
        raise InputError(
            f"{key}, which withholds nothing; name a branch in conditions.{name}.withhold, or [] "
            "for no comparison"
        )


def _explanations(error: ValidationError, meant: set[str], defs: Mapping) -> Iterator[str]:
    """Yield what is wrong: for unknown and missing keys, one text for each.

    `defs` are the schema's; `meant` collects the keys that unknown ones were taken for, which are
    not told as missing.
    """
    schema = cast(Mapping, error.schema)
    if error.validator == "additionalProperties":
        known = list(schema["properties"])
        for unknown in cast(Mapping, error.instance):
            if unknown not in known:
                close = difflib.get_close_matches(str(unknown), known, n=1)
                meant |= {_key([*error.absolute_path, name]) for name in close}
                hint = f"did you mean {close[0]}?" if close else f"there may be: {', '.join(known)}"
                yield f"unknown key {_key([*error.absolute_path, unknown])}; {hint}"
    elif error.validator == "required":
        there = cast(Mapping, error.instance)
        missing = [name for name in cast(list, error.validator_value) if name not in there]
        for key in (_key([*error.absolute_path, name]) for name in missing):
            if key not in meant:
                yield f"{key} is missing; config.yaml shows its form"
    elif "propertyNames" in error.absolute_schema_path:
        yield f"{_key([*error.absolute_path, error.instance])} is not {schema['description']}"
    else:
        key = _key(error.absolute_path)
        told = f"{key} must be {_allowed(schema)}, not {_shown(error.instance)}"
        yield told + (_AS_TEXT if _would_do(error, defs) else "")


def _would_do(error: ValidationError, defs: Mapping) -> bool:
    """Return whether a text that was given would be right as what YAML reads it as."""
    if not isinstance(error.instance, str):
        return False
    try:
        value = yaml.safe_load(error.instance)
    except yaml.YAMLError:
        return False
    schema = {**cast(Mapping, error.schema), "$defs": defs}
    return not isinstance(value, str) and _Validator(schema).is_valid(value)


def _allowed(schema: Mapping) -> str:
    if "enum" in schema:
        return " or ".join(", ".join(map(str, schema["enum"])).rsplit(", ", 1))
    if "description" in schema:
        return schema["description"]
    kind = schema.get("type", "something else")
    return {"object": "a mapping of keys", "string": "a text"}.get(kind, str(kind))


def _shown(value: object) -> str:
    return one_line(json.dumps(value, default=str), 120)


def _key(path: Iterable) -> str:
    return ".".join(map(str, path)) or "the whole"
