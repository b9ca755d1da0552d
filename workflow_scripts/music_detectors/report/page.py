"""The report: one self-contained HTML file without scripts."""

import base64
import json
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from music_detectors.audio.columns import CLIPPED, USABLE, YIELD
from music_detectors.claims.columns import CLAIMS, SUPPORTED, VERDICTS, WHOLE
from music_detectors.claims.statements import TITLES, statements
from music_detectors.common.damage import damaged
from music_detectors.common.errors import one_line
from music_detectors.common.files import read_checked, replacing
from music_detectors.common.places import without_places
from music_detectors.common.tables import read_table
from music_detectors.corpus.columns import CONDITIONS, SUMMARY
from music_detectors.corpus.targets import target_name
from music_detectors.genres.columns import GENRES
from music_detectors.models.modules.settings import is_trained
from music_detectors.plan.kept import kept
from music_detectors.recognition.columns import RECOGNITION_SUMMARY
from music_detectors.report import made_with
from music_detectors.report.article import beside_the_article
from music_detectors.report.captions import caption
from music_detectors.report.cost import costs
from music_detectors.report.elsewhere import NOT_SAID, trained_elsewhere
from music_detectors.report.glossary import OF_FIGURES, TERMS
from music_detectors.report.methods import methods
from music_detectors.report.sounds import Sounds, sounds_of
from music_detectors.report.warnings import logged_warnings, warnings_of
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY
from music_detectors.selectivity.ranking import of_reported_layer

TEXTS = Path(__file__).parents[3] / "report"
"""The folder of the page template and the captions."""

_CLAIMS_SECTION = "Claims"
_CORPUS_SECTION = "Corpus"
_NOTHING: Mapping[str, list] = {"figures": [], "left_out": []}
# The figures whose points and bars can be played on the page of units, and where.
_EXPLORED = {"embedding": "embedding", "class_responses": "answers", "profile_sounds": "answers"}
_OF_GENRES = ("genres", "decoding_genres", "quilts_genres")
_MAX_REASONS = 30
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# CSS pixels per image pixel; the images have 220 dots per inch.
_SCALE = 0.56


def write_report(
    claims: str | os.PathLike,
    corpus: str | os.PathLike,
    clips: str | os.PathLike,
    conditions: str | os.PathLike,
    audio: str | os.PathLike,
    clipped: str | os.PathLike,
    recognition: str | os.PathLike,
    selectivity: str | os.PathLike,
    weights: Sequence[str | os.PathLike],
    figures: Sequence[str | os.PathLike],
    excerpts: str | os.PathLike,
    genres: str | os.PathLike,
    page: str | os.PathLike,
    *,
    config: Mapping,
    sections: Mapping[str, Sequence[str]],
    tables: Mapping[str, Sequence[str]],
    benchmarks: str | os.PathLike,
    logs: str | os.PathLike,
    plan: str | os.PathLike,
    judged_by: str,
) -> None:
    """Write the report to `page`.

    `claims`, `corpus` (summary.tsv), `clips`, `conditions`, `audio` (yield.tsv), `clipped`,
    `recognition` and `selectivity` are tables, `weights` the files of the networks. `figures` are
    image files, of which the PNGs are shown, and `excerpts` the table of sounds that are played
    beside them; `genres` is the table of genres in the condition of the claims. `sections` maps
    headings to names of figures, `tables` a name to the tables, or folders of them, that it is
    drawn from. `config` is the whole configuration, `benchmarks` the folder of Snakemake's
    benchmark files, `logs` that of logs, `plan` that of the plan, which may be missing, and
    `judged_by` the digest of the code of the claims. Raises InputError, naming the file, if one is
    missing or damaged.
    """
    target = target_name(config["corpus"]["target"])
    drawn = {Path(path).stem: path for path in figures if str(path).endswith(".png")}
    sounds = sounds_of(excerpts)
    fetched = read_table(audio, YIELD)
    fetched = fetched[fetched["class"] == "*"]
    of_genres = read_table(genres, GENRES)
    empty = _without_content(target, fetched, of_genres)
    folder = Path(page).parent
    shown = {
        section: {
            "figures": [
                _figure(name, drawn, config, sounds)
                | {
                    "links": _links(name, drawn, tables.get(name, ()), folder),
                    "terms": [(term, TERMS[term][0]) for term in OF_FIGURES.get(name, ())],
                }
                for name in names
                if name not in empty
            ],
            "left_out": list(dict.fromkeys(empty[name] for name in names if name in empty)),
        }
        for section, names in sections.items()
    }
    networks = made_with.networks(weights)
    condition = config["claims"]["condition"]
    heard = read_table(conditions, CONDITIONS)
    heard = heard[heard["condition"] == condition].set_index("split")
    # A network that is not trained here withholds nothing, whatever it has heard before.
    withholds = not heard.empty
    never_heard = withholds and not heard.loc["train", "with_target"]
    answers = _answers(claims, statements(target, condition, never_heard))
    units = read_table(selectivity, SELECTIVITY_SUMMARY)
    cost = costs(benchmarks)
    scores = read_table(recognition, RECOGNITION_SUMMARY)
    corpus_clips = read_table(corpus, SUMMARY)
    # The same in all rows.
    differs_in = units["differs_in"].iloc[0]
    versions = made_with.versions()
    logged, more_logged = logged_warnings(logs)
    content = {
        "target": target,
        "config": config,
        "terms": TERMS,
        "answers": answers,
        "tally": tally(answers),
        "article": beside_the_article(answers, config["claims"]["min_networks"]),
        "warnings": warnings_of(
            config,
            target,
            corpus_clips,
            fetched,
            read_table(clipped, CLIPPED),
            scores,
            of_genres,
            differs_in,
        ),
        "logged": logged,
        "more_logged": more_logged,
        "methods": methods(
            config,
            corpus_clips.to_dict("records"),
            _usable(fetched),
            networks,
            tally(answers),
            versions,
        ),
        "plan": kept(plan, clips, config, judged_by),
        "claims_figures": shown.pop(_CLAIMS_SECTION, _NOTHING),
        "corpus_figures": shown.pop(_CORPUS_SECTION, _NOTHING),
        "n_sounds": sum(len(rows) for one in sounds.values() for _, rows in one.groups),
        "unlicensed": sum(one.unlicensed for one in sounds.values()),
        "sections": shown,
        "elsewhere": trained_elsewhere(config["conditions"]),
        "clips": corpus_clips.join(heard, on="split").to_dict("records"),
        "withholds": withholds,
        "yields": _yields(fetched),
        "reasons": _reasons(fetched),
        "networks": _networks(config, networks, scores, units),
        "differs_in": differs_in,
        "settings": list(_flat(without_places(config))),
        "versions": versions,
        # Responses that another tool computed say nothing of how.
        "trained_with": networks.loc[networks["torch"] != "", ["torch", "numpy", "kernels"]]
        .drop_duplicates()
        .sort_values(["torch", "numpy", "kernels"])
        .to_dict("records"),
        "machine": made_with.machine(),
        "costs": cost.to_dict("records"),
        "total": cost[["jobs", "wall_seconds", "cpu_seconds"]].sum().to_dict(),
    }
    html = _environment().get_template("page.html.j2").render(content)
    with replacing(page) as temporary:
        temporary.write_text(html, encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEXTS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "p": p_value,
        "percent": lambda share: f"{100 * share:.1f}%",
        "time": duration,
        "capitalised": lambda text: f"{text[:1].upper()}{text[1:]}",
        "whole": lambda value: f"{int(value):,}",
        "sentence": lambda text: f"{text[:1].upper()}{text[1:]}." if text else "",
    }
    return environment


def number(value: float) -> str:
    """Return `value` with three decimals, or three digits if not below 1; a dash for NaN."""
    if not math.isfinite(value):
        return "–"
    # Adding zero turns a negative zero into zero.
    small = f"{round(value, 3) + 0.0:.3f}" if abs(value) < 1 else f"{value:.3g}"
    text = small if abs(value) < 1000 else f"{value:,.0f}"
    return text.replace("-", "\N{MINUS SIGN}")


def p_value(value: float) -> str:
    """Return a p-value with three decimals, or `< 0.001`."""
    if not math.isfinite(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def duration(seconds: float) -> str:
    """Return a duration as `1:02:03`, or in seconds with one decimal below a minute."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _answers(path: str | os.PathLike, texts: Mapping[str, str]) -> list[dict]:
    """Return the title, the statement, the row and the rows of the parts of each claim."""
    table = read_table(path, VERDICTS)
    answers = []
    for claim in CLAIMS:
        rows = table[table["claim"] == claim]
        whole = rows[rows["part"] == WHOLE].to_dict("records")
        if len(whole) != 1:
            raise damaged(path, "table", f"has no single row of claim {claim}")
        answers.append(
            {
                "title": TITLES[claim],
                "statement": texts[claim],
                **whole[0],
                "parts": rows[rows["part"] != WHOLE].to_dict("records"),
            }
        )
    return answers


def _figure(
    name: str,
    drawn: Mapping[str, str | os.PathLike],
    config: Mapping,
    sounds: Mapping[str, Sounds],
) -> dict:
    path = Path(drawn[name])
    content = read_checked(path, "figure")
    if content[:8] != _PNG_SIGNATURE:
        raise damaged(path, "figure", "not a PNG")
    return {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "data": Markup(base64.b64encode(content).decode("ascii")),
        # Bytes 16 to 19 hold the width.
        "width": round(int.from_bytes(content[16:20], "big") * _SCALE),
        "caption": caption(TEXTS / f"{name}.rst", config),
        "sounds": sounds.get(name),
    }


def _without_content(target: str, fetched: pd.DataFrame, genres: pd.DataFrame) -> dict[str, str]:
    """Return the figures that would show nothing, with a sentence in place of each."""
    empty = {}
    if fetched["status"].isin(USABLE).all():
        empty["yields"] = "No clip was lost."
    if genres.empty:
        sentence = f"No class of this corpus is marked as a genre of {target}."
        empty |= dict.fromkeys(_OF_GENRES, sentence)
    return empty


def _links(
    name: str, drawn: Mapping[str, str | os.PathLike], tables: Sequence[str], folder: Path
) -> list[tuple[str, str]]:
    """Return the words and the address, relative to the page, of the files of a figure."""
    png = os.path.relpath(drawn[name], folder)
    files = [("SVG", f"{png.removesuffix('.png')}.svg"), ("PNG", png)]
    paths = [os.path.relpath(path, folder) for path in tables]
    links = [(words, quote(path)) for words, path in [*files, *((path, path) for path in paths)]]
    if name in _EXPLORED:
        links.insert(0, ("Explore and hear it", f"units.html#{_EXPLORED[name]}"))
    return links


def _usable(clips: pd.DataFrame) -> dict[str, int]:
    """Return the number of usable clips by split, from the rows of yield.tsv for all classes."""
    usable = clips[clips["status"].isin(USABLE)]
    return usable.groupby("split")["clips"].sum().to_dict()


def _yields(clips: pd.DataFrame) -> list[dict]:
    """Return split, status, clips and share from the rows of yield.tsv for all classes."""
    by_status = clips.groupby(["split", "status"], sort=False)[["clips", "share"]].sum()
    return by_status.reset_index().to_dict("records")


def _reasons(clips: pd.DataFrame) -> dict:
    """Return the reasons why clips could not be used, with an example, the most frequent first."""
    lost = clips[~clips["status"].isin(USABLE)].sort_values("clips", ascending=False, kind="stable")
    rows = [
        row | {"reason": one_line(row["reason"], 80), "example": one_line(row["example"], 240)}
        for row in lost.head(_MAX_REASONS).to_dict("records")
    ]
    return {"rows": rows, "more": len(lost) - len(rows)}


def _networks(
    config: Mapping,
    networks: pd.DataFrame,
    scores: pd.DataFrame,
    units: pd.DataFrame,
) -> list[dict]:
    """Return one row per condition: its settings, and means over its networks on test clips.

    `scores` is the summary of recognition, `units` that of selectivity.
    """
    scores = scores[(scores["clips"] == "test") & (scores["n_classes"] > 0)]
    units = of_reported_layer(units, config["selectivity"]["layer"])
    elsewhere = trained_elsewhere(config["conditions"])
    rows = []
    for condition, replicates in networks.groupby("condition", sort=False):
        how = config["conditions"][condition]
        withheld = how.get("withhold")
        trained, given = is_trained(how), how.get("model") == "responses"
        precision = {
            group: _mean(scores, condition, "mean_average_precision", group)
            for group in ("natural", "target")
        }
        rows.append(
            {
                "condition": condition,
                "model": how.get("model", replicates["model"].iloc[0]),
                "clips": (f"without {', '.join(withheld)}" if withheld else "all") * trained,
                "elsewhere": (elsewhere[condition] or NOT_SAID) if condition in elsewhere else "",
                "labels": how.get("labels", "computed elsewhere" if given else "not trained"),
                "epochs": how["epochs"] if trained else "",
                "networks": len(replicates),
                "training_clips": "" if given else _range(replicates["training_clips"]),
                "epoch": _range(replicates["epoch"]) if trained else "",
                **precision,
                "chance": _mean(scores, condition, "chance", "natural"),
                "effect": _mean(units, condition, "response_hedges_g"),
                "auc": _mean(units, condition, "test_auc"),
            }
        )
    return rows


def _mean(table: pd.DataFrame, condition: str, column: str, group: str | None = None) -> float:
    rows = table[table["condition"] == condition]
    if group is not None:
        rows = rows[rows["group"] == group]
    values = rows[column].to_numpy()
    return float(values.mean()) if len(values) else np.nan


def _range(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _flat(config: Mapping, prefix: str = "") -> list[tuple[str, str]]:
    """Return each key of the configuration, in dotted form, and its value as JSON."""
    rows = []
    for name, value in config.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            rows += _flat(value, f"{key}.")
        else:
            rows.append((key, json.dumps(value, ensure_ascii=False)))
    return rows


def tally(answers: Sequence[Mapping]) -> str:
    """Return a sentence that says how many claims have which verdict."""
    counts = Counter(answer["verdict"] for answer in answers)
    supported = f"{counts.pop(SUPPORTED, 0)} of {len(answers)} claims are supported"
    return ", ".join([supported, *(f"{n} {verdict}" for verdict, n in sorted(counts.items()))])
