"""One self-contained page: a table of all units, and what a chosen one answers."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from music_detectors.audio.level import read_level
from music_detectors.common.damage import damaged
from music_detectors.common.files import replacing
from music_detectors.common.progress import progress
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.corpus.labels import label_matrix
from music_detectors.embedding.columns import EMBEDDING_POINTS
from music_detectors.probes.columns import SOUNDS
from music_detectors.quilts.responses import compared_clips
from music_detectors.report.explorer.answers import LEAST, MOST, Answers, Asked, answers_of
from music_detectors.report.explorer.heard import Heard, cut_sounds, described, use_of, wanted
from music_detectors.report.explorer.packed import (
    STEPS,
    in_base64,
    packed,
    packed_answers,
    packed_points,
)
from music_detectors.report.licences import MADE, Terms, is_allowed, terms_of_clips
from music_detectors.responses.clips import described as rows_of
from music_detectors.responses.files import read_layers, read_responses
from music_detectors.selectivity.columns import UNITS

_TEXTS = Path(__file__).parents[4] / "report"


class _Column(NamedTuple):
    """A column of units.tsv that the page shows: in the table too, or for a chosen unit alone."""

    name: str
    title: str
    says: str
    in_table: bool = True


_COLUMNS = (
    _Column(
        "rank", "Order", "Place by the index on train clips; lesions silence units in this order"
    ),
    _Column(
        "selective", "Selected", "Whether it is among the layer's units that are called selective"
    ),
    _Column("welch_t", "Index", "Selectivity index: Welch t of target against other train clips"),
    _Column("test_welch_t", "Index, test", "The same for test clips", False),
    _Column(
        "p_permutation",
        "p",
        "By permutations of recordings, one-sided, corrected for the layer's units",
    ),
    _Column("p_fdr", "p (FDR)", "The same, by the false discovery rate in the layer", False),
    _Column("test_auc", "AUC", "How often a target test clip has the larger response than another"),
    _Column("test_hedges_g", "g", "Hedges g of target against other test clips"),
    _Column("test_hedges_g_low", "g, low", "The lower end of its 95 % interval", False),
    _Column("test_hedges_g_high", "g, high", "The upper end of its 95 % interval", False),
    _Column("test_partial_d", "Partial d", "The same effect with acoustic covariates in the model"),
    _Column("test_partial_p", "p of partial d", "Two-sided, of that effect", False),
    _Column("test_mean_target", "Target", "Mean response to target test clips"),
    _Column("test_mean_other", "Other", "Mean response to other test clips"),
)


class _Network(NamedTuple):
    """A network, its units.tsv, its responses by stimulus, and the points of its embedding."""

    condition: str
    seed: int
    units: str | os.PathLike
    responses: Mapping[str, str | os.PathLike]
    points: str | os.PathLike


def explore_units(
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    units: Sequence[str | os.PathLike],
    responses: Sequence[str | os.PathLike],
    points: Sequence[str | os.PathLike],
    indices: Sequence[str | os.PathLike],
    audio: Sequence[str | os.PathLike],
    level: str | os.PathLike,
    probe_tables: Sequence[str | os.PathLike],
    probe_sounds: Sequence[str | os.PathLike],
    page: str | os.PathLike,
    *,
    corpus: str,
    target: str,
    networks: Sequence[tuple[str, int]],
    condition: str,
    layer: str,
    original: str,
    quilts: Mapping[str, int | None],
    probes: Mapping[str, Sequence[str]],
    made_probes: Sequence[str],
    probe_terms: Sequence[Terms],
    is_made: bool,
    source: Mapping,
    sound: str,
    megabytes: float,
) -> None:
    """Write the page of all units of `networks` (condition and seed) to `page`.

    `units` (units.tsv) and `points` (of the embedding) are a file for each network; `responses` are
    for each those to test clips as `original`, to each of `probes`, which maps a probe set to its
    categories of the target, and to each of `quilts`, which maps a stimulus to the length of its
    segments in ms (None: intact). `indices` list the spectrograms of the stimuli that quilts are
    compared with. `clips` and `classes` are tables of the corpus, `audio` the shards of test clips,
    `level` the mean level; `probe_tables` and `probe_sounds` belong to `probes`. `condition` is
    that of the claims, whose selective units of `layer` say which clips are played first. `sound`,
    `megabytes`, `made_probes`, `probe_terms`, `is_made` and `source` are as in `cut_excerpts`.
    Raises InputError, naming the file, when one cannot be read or does not belong to the others.
    """
    names = read_table(classes, CLASSES)
    tables = {
        probe: read_table(path, SOUNDS, only=("sound", "category"))
        for probe, path in zip(probes, probe_tables, strict=True)
    }
    stimuli = [original, *map(_stimulus, probes), *quilts]
    of_networks = [
        _Network(
            *network,
            units[place],
            dict(zip(stimuli, responses[place * len(stimuli) :], strict=False)),
            points[place],
        )
        for place, network in enumerate(networks)
    ]
    first = of_networks[0].responses[original]
    clip_ids, _ = read_responses(first, [])
    listed = rows_of(first, clip_ids, read_table(clips, CLIPS), "test")
    mids = listed["labels"].str.split(";")
    asked = Asked(
        original,
        clip_ids,
        label_matrix(clip_ids, mids, names["mid"], clips),
        pd.factorize(listed["group"])[0],
        {_stimulus(probe): table["sound"].tolist() for probe, table in tables.items()},
        list(quilts),
        compared_clips(indices, clips, "test"),
    )
    blocks, shown, statistics, ends = [], [], [], []
    for network in progress(of_networks, len(of_networks), "units", unit="networks"):
        table = read_table(network.units, UNITS)
        layers = read_layers(network.responses[original])
        about = []
        for name in layers.tested:
            own = table[table["layer"] == name]
            answers = _answers(network, name, own, asked)
            blocks.append(packed_answers(answers))
            statistics.append(own[[column.name for column in _COLUMNS]].to_numpy(np.float32))
            about.append({"name": name, "units": len(own)})
            if network.condition == condition and name == layers.chosen(layer):
                ends.append(answers.clips[np.append(own["selective"].to_numpy(), True)])
        shown.append(
            {
                "condition": network.condition,
                "seed": network.seed,
                "layers": about,
                "layer": layers.chosen(layer),
            }
        )
    terms = terms_of_clips(source, is_made)

    def clip(place: int) -> Heard | None:
        own = terms(clip_ids[place])
        return Heard(clip_ids[place], own) if is_allowed(sound, own) else None

    of_probes: dict[str, Terms] = {
        probe: MADE if probe in made_probes else (noted[0], noted[1])
        for probe, noted in zip(probes, probe_terms, strict=True)
    }
    heard = cut_sounds(
        wanted(
            use_of(ends),
            asked.labels,
            clip,
            [
                Heard(name, own, probe)
                for probe, own in of_probes.items()
                if is_allowed(sound, own)
                for name in tables[probe]["sound"]
            ],
        ),
        audio,
        dict(zip(probes, probe_sounds, strict=True)),
        read_level(level),
        megabytes,
    )
    content = {
        "corpus": corpus,
        "target": target,
        "networks": shown,
        "first": [name for name, _ in networks].index(condition),
        "columns": [column._asdict() for column in _COLUMNS],
        "classes": names[["name", "branch", "target"]].to_dict("records"),
        "probes": [
            {
                "name": probe,
                "sounds": table["sound"].tolist(),
                "categories": table["category"].tolist(),
                "target": table["category"].isin(probes[probe]).tolist(),
            }
            for probe, table in tables.items()
        ],
        "quilts": list(quilts.values()),
        "compared": {
            role: int((asked.compared["role"] == role).sum()) for role in ("target", "other")
        },
        "most": MOST,
        "least": LEAST,
        "steps": STEPS,
        "sounds": [described(one, seconds) for one, (seconds, _) in heard.items()],
        "sound": sound,
        "allowed": sum(is_allowed(sound, terms(clip_id)) for clip_id in clip_ids),
    }
    about_clips = {
        "ids": clip_ids,
        "labels": [np.flatnonzero(row).tolist() for row in asked.labels],
        "roles": listed["role"].tolist(),
    }
    parts = {
        "clips": in_base64(json.dumps(about_clips, ensure_ascii=False).encode()),
        "statistics": packed(np.vstack(statistics).T),
    }
    parts |= {f"answers-{place}": block for place, block in enumerate(blocks)}
    for place, network in enumerate(of_networks):
        parts[f"points-{place}"] = _points(network.points, clip_ids)
    parts |= {f"sound-{place}": ogg for place, (_, ogg) in enumerate(heard.values())}
    _write(page, content, parts, is_made)


def _stimulus(probe: str) -> str:
    return f"probe-{probe}"


def _answers(network: _Network, layer: str, table: pd.DataFrame, asked: Asked) -> Answers:
    """Return the answers of the units of a layer, whose rows of units.tsv are `table`."""
    if not np.array_equal(table["unit"], np.arange(len(table))):
        raise damaged(network.units, "table", f"does not have the units of {layer} in order")
    return answers_of(network.responses, layer, table["selective"].to_numpy(), asked)


def _points(path: str | os.PathLike, clip_ids: Sequence[str]) -> str:
    table = read_table(path, EMBEDDING_POINTS).set_index("clip_id")
    if not table.index.isin(clip_ids).all():
        raise damaged(path, "table", "has a clip that no network has responses to")
    placed = table.reindex(clip_ids)
    return packed_points(placed["x"].to_numpy(), placed["y"].to_numpy())


def _write(
    page: str | os.PathLike, content: Mapping, parts: Mapping[str, str], is_made: bool
) -> None:
    environment = Environment(
        loader=FileSystemLoader(_TEXTS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    code = (_TEXTS / "units.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii")
    # No tag can end the element that holds it.
    about = json.dumps(content, ensure_ascii=False).replace("<", "\\u003c")
    stream = environment.get_template("units.html.j2").generate(
        corpus=content["corpus"],
        target=content["target"],
        is_made=is_made,
        about=Markup(about),
        parts={name: Markup(part) for name, part in parts.items()},
        code=Markup(code),
        digest=Markup(digest),
    )
    with replacing(page) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.writelines(stream)
