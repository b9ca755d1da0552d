"""The report: its content, and that it is self-contained and runs no code."""

import base64
import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from music_detectors.audio.columns import CLIPPED, YIELD
from music_detectors.claims.columns import VERDICTS, WHOLE
from music_detectors.claims.inference import claims_table
from music_detectors.common.errors import InputError
from music_detectors.common.kernels import kernels
from music_detectors.common.sealed import metadata, sealed
from music_detectors.common.tables import read_table, write_table
from music_detectors.corpus.columns import CLIPS, CONDITIONS
from music_detectors.genres.columns import GENRES
from music_detectors.plan.clips import digest_of_clips
from music_detectors.plan.keys import fixed_keys
from music_detectors.recognition.columns import RECOGNITION_SUMMARY
from music_detectors.report import made_with
from music_detectors.report.article import outcome
from music_detectors.report.captions import caption
from music_detectors.report.columns import EXCERPTS
from music_detectors.report.cost import costs
from music_detectors.report.glossary import OF_FIGURES, TERMS
from music_detectors.report.page import TEXTS, duration, number, p_value, tally, write_report
from music_detectors.selectivity.columns import SELECTIVITY_SUMMARY
from support import claim_tables, figure_modules, figure_tables
from support.claim_tables import Tables
from support.stored import store

ROOT = Path(__file__).parents[2]
# One pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
# The report reads only the metadata of a file of weights.
METADATA = {
    "model": "kim2024",
    "epoch": 7,
    "training_clips": 324,
    "validation_clips": 36,
    "torch": "2.11.0",
    "numpy": "2.4.6",
}
OGG = base64.b64encode(b"OggS and so on").decode()
EVIL = '</td><script>alert("clip")</script>'


class Page(HTMLParser):
    """The tags, attributes and visible text of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.ids, self.text = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        if dict(attrs).get("id"):
            self.ids.append(dict(attrs)["id"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def configuration(**corpus):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["corpus"].update(corpus)
    config["conditions"]["full"] = {"withhold": [], "labels": "given", "epochs": 8}
    return config


@pytest.fixture
def inputs(tmp_path):
    """The arguments of `write_report`, for five made-up networks per condition."""
    tables = Tables(("apart", "selective"), spread=0.03)
    networks = figure_tables.networks(seeds=5)
    clips = {"clips": 100, "target": 30, "other": 60, "mixed": 10}
    yields = pd.DataFrame(
        [
            ("test", "*", "all classes", "ok", "", 1234, 0.75, ""),
            ("test", "*", "all classes", "missing", "not found", 2, 0.2, f"a: {EVIL}"),
            (
                "test",
                "*",
                "all classes",
                "missing",
                "elsewhere",
                1,
                0.05,
                "c: <b>lost</b> & gone",
            ),
            ("test", "/m/1", "Class", "ok", "", 1, 1.0, ""),
        ],
        columns=list(YIELD),
    )

    def write(name, table, columns):
        return claim_tables.write(tmp_path / name, table, columns)

    write_table(
        tmp_path / "claims.tsv", claims_table(tables.parts(), alpha=0.05, min_networks=5), VERDICTS
    )
    store(
        tmp_path / "corpus.tsv",
        "split\t" + "\t".join(clips) + "\ntest\t" + "\t".join(map(str, clips.values())) + "\n",
    )
    heard = pd.DataFrame(
        {
            "condition": ["natural", "natural", "full", "full"],
            "split": ["train", "test"] * 2,
            "withheld": [41, 40, 0, 0],
            "admissible": [59, 60, 100, 100],
            "with_target": [0, 0, 41, 40],
        }
    )
    units = pd.DataFrame(networks, columns=["condition", "seed"]).assign(
        layer="avgpool", differs_in="level by 3 dB", response_hedges_g=0.75, test_auc=0.7
    )
    weights = []
    for condition, seed in networks:
        weights.append(tmp_path / f"{condition}-{seed}.safetensors")
        about = {**METADATA, "condition": condition, "replicate": seed}
        # Earlier versions wrote neither the kernels nor the precision.
        about |= (
            {"kernels": "openblas Haswell", "precision": "bfloat16"} if condition == "full" else {}
        )
        fields = metadata(about, weights[-1])
        header = json.dumps({"__metadata__": fields}).encode()
        weights[-1].write_bytes(sealed(len(header).to_bytes(8, "little") + header + b"tensors"))
    figures = []
    for name in ("claims", "example_spectrograms", "learning_curves"):
        figures += [tmp_path / f"{name}.svg", tmp_path / f"{name}.png"]
        store(figures[-1], PNG)
    excerpts = pd.DataFrame(
        [
            ("example_spectrograms", "Animal", f"Dog {EVIL}", "a", "CC0", "", 2.0, "", OGG),
            ("example_spectrograms", "Animal", "Cat", "b", "CC BY", EVIL, 2.0, "", OGG),
            ("example_spectrograms", "Animal", "Cow", "c", "", "", 0.0, "licence", ""),
            ("learning_curves", "Music", "Tune", "d", "CC0", "Ann", 2.0, "", OGG),
        ],
        columns=list(EXCERPTS),
    )
    of_genres = figure_tables.genres("natural").assign(n_blocks=9)
    of_genres.loc[of_genres["mid"] == "/m/1", "n_blocks"] = 2
    log = tmp_path / "logs" / "fetch_audio" / "train-00000.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"2026-01-01 00:00:00,1 INFO no\n2026-01-01 00:00:00,1 WARNING {EVIL}\n" * 2)
    benchmark = tmp_path / "benchmarks" / "train_network" / "natural-1.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\tmax_rss\tcpu_time\n3725.2\t512.0\t60.0\n")
    return {
        "claims": tmp_path / "claims.tsv",
        "corpus": tmp_path / "corpus.tsv",
        "clips": write("clips.tsv", clips_table(), CLIPS),
        "conditions": write("conditions.tsv", heard, CONDITIONS),
        "audio": write("yield.tsv", yields, YIELD),
        "clipped": write(
            "clipped.tsv",
            pd.DataFrame(
                [("train", 300, 0, "", 0.0), ("test", 100, 7, f"loud {EVIL}", 0.123)],
                columns=list(CLIPPED),
            ),
            CLIPPED,
        ),
        "recognition": write(
            "recognition.tsv", figure_tables.recognition_summary(), RECOGNITION_SUMMARY
        ),
        "selectivity": write("selectivity.tsv", units, SELECTIVITY_SUMMARY),
        "weights": weights,
        "figures": figures,
        "excerpts": write("excerpts.tsv", excerpts, EXCERPTS),
        "genres": write("genres.tsv", of_genres, GENRES),
        "page": tmp_path / "report.html",
        "config": configuration(),
        "sections": {
            "Corpus": ["example_spectrograms"],
            "Recognition": ["learning_curves"],
            "Claims": ["claims"],
        },
        "tables": {"claims": [str(tmp_path / "claims.tsv"), str(tmp_path / "a #1")]},
        "benchmarks": tmp_path / "benchmarks",
        "logs": tmp_path / "logs",
        "plan": tmp_path / "plan",
        "judged_by": "0123",
    }


def clips_table():
    return pd.DataFrame({"clip_id": ["a", "b"], "split": "test", "role": ["target", "other"]})


def written(inputs, **more):
    inputs = inputs | more
    write_report(**inputs)
    return Page(inputs["page"].read_text(encoding="utf-8"))


def test_the_page_shows_claims_corpus_networks_and_methods(inputs):
    words = written(inputs).words
    assert "2 of 15 claims are supported" in words
    assert "Music and other test clips differ in level by 3 dB. Claims about whole clips" in words
    for text in (
        "Some of their units respond far more to Music than to other sounds",
        "5 networks 320 clips",
        "Smallest effect",
        "For comparison: segregation over untrained 0.4",
        "2.07 here: 1 ratio of responses, Fig. 2b",
        "0.437 average precision from PCA, Fig. 1 0.600",
        "±0.250",
        "1,234",
        "elsewhere",
        "1:02:05",
        "corpus.embedded.clips_per_class.train",
        "snakemake",
        f"processors ({kernels()})",
        "Networks were computed with PyTorch 2.11.0 (full trained in bfloat16); this text",
        "with PyTorch 2.11.0 and NumPy 2.4.6; PyTorch 2.11.0 and NumPy 2.4.6 (openblas Haswell)",
        "numbered 1 to 5",
        "redrawn",
    ):
        assert text in words, text
    assert words.index("Temporal structure") < words.index("Clips requested")
    table = pd.read_csv(inputs["claims"], sep="\t")
    for verdict in table.loc[table["part"] == WHOLE, "verdict"]:
        assert verdict in words


def test_the_page_is_self_contained_and_runs_no_code(inputs):
    page = written(inputs)
    assert not page.open
    kinds = {tag for tag, _ in page.tags}
    assert not kinds & {"script", "link", "iframe", "object", "embed", "form", "svg"}
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        kind = "audio/ogg" if tag == "audio" else "image/png"
        for name in ("src", "srcset", "action", "data"):
            inline = f"data:{kind};base64,"
            assert attributes.get(name, inline).startswith(inline)
        if tag == "a":
            # Other pages of the run have addresses relative to this one.
            if ":" in attributes["href"] or attributes["href"].startswith("/"):
                assert attributes["href"].startswith("https://doi.org/")
            if attributes["href"].startswith("#"):
                assert attributes["href"][1:] in page.ids
    assert len(page.ids) == len(set(page.ids))
    html = inputs["page"].read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    assert not re.search(r"url\(|@import", html)


def test_every_figure_is_shown_once_with_its_caption(inputs):
    page = written(inputs)
    images = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 3 and all(image["alt"] for image in images)
    assert "Log-Mel spectrograms of test clips" in page.words
    assert "Training loss" in page.words


def test_sounds_stand_beside_their_figures_with_their_terms(inputs):
    page = written(inputs)
    players = [attributes for tag, attributes in page.tags if tag == "audio"]
    assert len(players) == 3
    assert players[0]["aria-label"] == f"Dog {EVIL}" and players[0]["src"].endswith(OGG)
    assert "This page plays 3 sounds" in page.words
    assert f"Cat 2.0 s, b {EVIL}; CC BY" in page.words
    assert "All: Ann; CC0." in page.words
    assert "nothing says that excerpts may be passed on: 1." in page.words
    html = inputs["page"].read_text(encoding="utf-8")
    assert "media-src data:" in html


def test_a_page_without_sounds_says_why(inputs, tmp_path):
    table = read_table(inputs["excerpts"], EXCERPTS)
    path = tmp_path / "none.tsv"
    write_table(path, table.assign(left_out="licence", ogg=""), EXCERPTS)
    words = written(inputs, excerpts=path).words
    assert "plays no sounds: of none of the recordings" in words
    assert "may be passed on: 3." in words
    config = inputs["config"] | {"report": {"sound": "none", "sound_megabytes": 10}}
    write_table(path, table[:0], EXCERPTS)
    assert "report.sound: none" in written(inputs, excerpts=path, config=config).words


def test_what_is_no_sound_is_refused(inputs, tmp_path):
    table = read_table(inputs["excerpts"], EXCERPTS)
    for wrong in ("PGI+", "not base64!"):
        path = tmp_path / "wrong.tsv"
        write_table(path, table.assign(ogg=wrong), EXCERPTS)
        with pytest.raises(InputError, match="damaged table"):
            written(inputs, excerpts=path)


def test_the_article_stands_beside_the_run(inputs):
    page = written(inputs)
    article = page.words[page.words.index("The article beside this run") :]
    assert "3 Selective units repeated ratio of responses effect 2.07, Fig. 2b 1" in article
    assert "11 Emergence over training not repeated no number in the article" in article
    assert "More than acoustics" not in article[: article.index("Warnings")]


@pytest.mark.parametrize(
    ("verdict", "n_networks", "estimate", "expected"),
    [
        ("supported", 5, 0.5, "repeated"),
        ("present", 5, 0.1, "repeated"),
        ("not supported", 5, 0.0, "not repeated"),
        ("undetermined", 5, 0.1, "undecided"),
        ("undetermined", 4, 0.1, "not tested"),
        ("undetermined", 5, float("nan"), "not tested"),
    ],
)
def test_what_became_of_a_claim(verdict, n_networks, estimate, expected):
    claim = {"verdict": verdict, "n_networks": n_networks, "estimate": estimate}
    assert outcome(claim, 5) == expected


def test_warnings_of_all_stages(inputs):
    words = written(inputs).words
    for text in (
        "Sound : 3 of 1,237 test clips are lost: 3 missing.",
        "Selectivity : Music and other test clips differ in level by 3 dB.",
        "Genres : fewer than 5 blocks of recordings",
        f"What jobs warned of (1) Rule Message Times fetch_audio {EVIL} 2",
    ):
        assert text in words, text
    assert "every verdict is undetermined" not in words
    config = copy.deepcopy(inputs["config"])
    config["networks"]["seeds"] = 2
    assert "Networks : 2 per condition" in written(inputs, config=config).words


def test_networks_that_have_not_learnt_are_warned_of(inputs, tmp_path):
    table = read_table(inputs["recognition"], RECOGNITION_SUMMARY)
    training = table.assign(clips="training", mean_average_precision=0.5)
    training = training[training["condition"] == "natural"].assign(condition="shuffled")
    natural = (table["condition"] == "natural") & (table["seed"] == 2)
    table["learnt"] = table["learnt"].mask(natural, "no")
    path = tmp_path / "unlearnt.tsv"
    write_table(path, pd.concat([table, training]), RECOGNITION_SUMMARY)
    words = written(inputs, recognition=path).words
    assert "Recognition : 1 of 5 networks of natural did not learn (seed 2)." in words
    assert (
        "networks of shuffled have not memorised their labels: mAP on training clips from" in words
    )


def test_the_methods_have_the_numbers_and_references_of_the_run(inputs):
    words = written(inputs).words
    text = words[words.index("To paste into a manuscript") :]
    for part in (
        "master seed 1",
        "100 test clips (30 of Music, 60 other, 10 mixed; 1,234 usable)",
        "Networks (5 per condition, model kim2024, convolutions of 32, 64, 128 and 256 filters, ",
        "natural (without Music and Singing; 324 clips, 8 epochs, of which the best validated was",
        "the 12.5% of units with the largest Welch t (",
        "segments of 50, 100, 200, 400, 800 and 1600 ms",
        "2 of 15 claims are supported",
        "doi:10.1038/s41467-023-44516-0",
        "(CC0)",
    ):
        assert part in text, part
    # Every reference is cited, the first one first.
    n = len(
        re.findall(r"<li>", inputs["page"].read_text().split('class="paste"')[1].split("</ol>")[0])
    )
    places = [text.index(f"({number})") for number in range(1, n + 1)]
    assert n > 6 and places == sorted(places)


def test_the_methods_name_the_inputs_of_conditions(inputs):
    assert "Another input" not in written(inputs).words
    config = copy.deepcopy(inputs["config"])
    config["inputs"] = {"a": {"kind": "waveform", "sample_rate": 16_000}}
    config["conditions"]["natural"]["input"] = "a"
    config["conditions"]["untrained"]["input"] = "log_mel"
    text = written(inputs, config=config).words
    assert "Another input was heard by natural (waveform, sample_rate 16000)." in text


def test_figures_link_to_their_files_and_those_without_content_are_left_out(inputs, tmp_path):
    page = written(inputs)
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert {"claims.svg", "claims.png", "claims.tsv", "a%20%231", "units.html"} <= set(links)
    fetched = read_table(inputs["audio"], YIELD)
    write_table(tmp_path / "all.tsv", fetched[fetched["status"] == "ok"], YIELD)
    write_table(tmp_path / "none.tsv", read_table(inputs["genres"], GENRES)[:0], GENRES)
    empty = {
        "sections": {
            "Corpus": ["yields"],
            "Recognition": ["genres", "quilts_genres"],
            "Claims": [],
        },
        "audio": tmp_path / "all.tsv",
        "genres": tmp_path / "none.tsv",
    }
    page = written(inputs, **empty)
    assert "img" not in {tag for tag, _ in page.tags}
    assert "No clip was lost." in page.words
    assert page.words.count("No class of this corpus is marked as a genre of Music.") == 1


def test_every_figure_has_terms_and_every_term_a_place(inputs):
    names = {path.stem for path in figure_modules.DRAWN}
    # Spectrograms of clips show no number.
    assert set(OF_FIGURES) == names - {"example_spectrograms"}
    assert {term for terms in OF_FIGURES.values() for term in terms} == set(TERMS)
    page = written(inputs)
    assert {f"term-{term}" for term in TERMS} <= set(page.ids)
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert {"#term-claims", "#term-average-precision"} <= set(links)


def test_messages_about_clips_are_escaped(inputs):
    page = written(inputs)
    html = inputs["page"].read_text(encoding="utf-8")
    assert "<script" not in html and "<b>lost" not in html
    assert "&lt;script&gt;" in html
    # The reason why a clip is lost, the title of a sound, whom to name, a warning of a job, and the
    # clip that is clipped most.
    assert page.words.count(EVIL) == 5
    assert (
        "7 of 100 test clips are clipped" in page.words
        and "train clips are clipped" not in page.words
    )
    assert "<b>lost</b> & gone" in page.words


def test_names_in_the_configuration_are_escaped(inputs):
    evil = "<img src=x onerror=alert(1)>"
    raw = ".. raw:: html\n\n   <script>1</script>"
    config = configuration(target=[evil, raw])
    page = written(inputs, config=config)
    html = inputs["page"].read_text(encoding="utf-8")
    assert "<script" not in html and "<img src=x" not in html
    assert evil in page.words


@pytest.mark.parametrize("said", ["960 h of read speech (LibriSpeech) <b>", ""])
def test_what_networks_of_others_were_trained_on_stands_beside_the_claims(inputs, said):
    config = configuration()
    others = {"model": "my.networks:build", "layers": ["a"], "weights": "a.safetensors"}
    config["conditions"] |= {
        "natural": others | ({"trained_on": said} if said else {}),
        "untrained": {"model": "my.networks:build", "layers": ["a"]},
    }
    heard = read_table(inputs["conditions"], CONDITIONS)
    write_table(inputs["conditions"], heard[heard["condition"] != "natural"], CONDITIONS)
    words = written(inputs, config=config).words
    notice = "The networks of condition natural were not trained in this run"
    # Before the claims, in the table of networks, and in the paragraph of methods.
    assert words.index(notice) < words.index("Apart from other sounds")
    assert "(natural), which have never heard" not in words and "Admissible" not in words
    known = said or "sounds that are not known"
    assert f"elsewhere: {said or 'not said'}" in words
    assert (
        "Networks of others, taken as they were: natural (model my.networks:build, trained on "
        f"{known}) and untrained (model my.networks:build, with random weights)." in words
    )
    assert ("conditions.natural.trained_on does not say on what" in words) == (not said)
    assert (f"they were trained on: {said}. The workflow cannot check that." in words) == bool(said)
    assert "The networks of condition untrained" not in words


def test_responses_of_another_tool_are_said_to_be(inputs):
    config = configuration()
    config["conditions"]["untrained"] = {
        "model": "responses",
        "files": "{stimulus}.npz",
        "trained_on": "birds",
    }
    words = written(inputs, config=config).words
    assert "Responses were computed outside this workflow for untrained (trained on birds)" in words
    assert "elsewhere: birds" in words and "computed elsewhere" in words
    assert "taken as they were" not in words


def test_networks_that_were_trained_here_need_no_notice(inputs):
    words = written(inputs).words
    assert "not trained in this run" not in words and "elsewhere:" not in words
    assert "(natural), which have never heard Music" in words and "Admissible" in words


def test_only_the_embedded_corpus_is_called_no_evidence(inputs):
    assert "This corpus is no evidence about hearing." in written(inputs).words
    config = configuration(source="manifest", name="recordings")
    words = written(inputs, config=config).words
    assert "no evidence" not in words and "recordings" in words


def test_the_page_is_written_without_benchmarks_estimates_or_unusable_clips(inputs, tmp_path):
    empty = claims_table([], alpha=0.05, min_networks=5)
    write_table(inputs["claims"], empty, VERDICTS)
    usable = read_table(inputs["audio"], YIELD).query("status == 'ok'")
    write_table(inputs["audio"], usable, YIELD)
    words = written(inputs, benchmarks=tmp_path / "none").words
    assert "No benchmark files were found" in words
    assert "0 of 15 claims are supported, 15 undetermined" in words
    assert "Why clips could not be used" not in words


@pytest.mark.parametrize(
    "name", ["claims", "corpus", "conditions", "audio", "recognition", "selectivity"]
)
def test_a_missing_table_is_named(inputs, name):
    inputs[name].unlink()
    with pytest.raises(InputError, match=inputs[name].name):
        write_report(**inputs)


def test_damaged_weights_and_figures_are_named(inputs):
    inputs["figures"][1].write_bytes(PNG + b"more")
    with pytest.raises(InputError, match=r"claims\.png: damaged figure .its checksum does not"):
        write_report(**inputs)
    store(inputs["figures"][1], b"GIF89a")
    with pytest.raises(InputError, match=r"claims\.png: damaged figure .not a PNG"):
        write_report(**inputs)
    store(inputs["figures"][1], PNG)
    for content in (b"", b"\x08\0\0\0\0\0\0\0[1, 2, 3", b"\xff" * 20):
        inputs["weights"][3].write_bytes(content)
        with pytest.raises(InputError, match=r"natural-4\.safetensors: damaged weights"):
            write_report(**inputs)


def test_times_are_summed_over_jobs(tmp_path):
    header = "s\th:m:s\tmax_rss\tmax_vms\tmean_load\tcpu_time\n"
    for name, text in {
        "train/a.tsv": header + "10.5\t0:00:10\t100.0\t1\t1\t8.0\n",
        "train/b.tsv": header + "20\t0:00:20\t300.0\t1\t1\t12.0\n1\t0:00:01\t50.0\t1\t1\t0.5\n",
        "plot/a.tsv": header + "0.2\t0:00:00\tNA\tNA\tNA\tNA\n",
        "odd/a.tsv": "nothing\n",
        "odd/b.tsv": "",
        "write_report/job.tsv": header + "5\t0:00:05\t100.0\t1\t1\t5.0\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "odd" / "c.tsv").write_bytes(b"\xff\xfe\x00")
    table = costs(tmp_path)
    assert list(table["rule"]) == ["train", "plot"]
    assert table.loc[0].tolist() == ["train", 3, 31.5, 20.5, 300.0]
    assert table.loc[1, "wall_seconds"] == 0.2 and table.loc[1, "cpu_seconds"] == 0
    assert costs(tmp_path / "none").empty


def test_every_caption_renders():
    for path in sorted(TEXTS.glob("*.rst")):
        assert str(caption(path, configuration())).strip(), path
    with pytest.raises(InputError, match=r"none\.rst: no such caption"):
        caption(TEXTS / "none.rst", configuration())


def test_a_caption_that_cannot_be_rendered_is_named(tmp_path):
    (tmp_path / "bad.rst").write_text("{{ snakemake.config.nothing.more }}")
    with pytest.raises(InputError, match=r"bad\.rst: not a caption"):
        caption(tmp_path / "bad.rst", configuration())


def test_versions_include_the_workflow_and_its_libraries():
    found = made_with.versions()
    assert found["numpy"] == np.__version__
    assert found["this workflow"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.12345, "0.123"),
        (-0.5, "−0.500"),
        (-0.0001, "0.000"),
        (12.345, "12.3"),
        (-1234.5, "−1,234"),
        (float("nan"), "–"),
        (float("inf"), "–"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


def test_p_values_durations_and_tally():
    assert p_value(0.0004) == "< 0.001" and p_value(1) == "1.000" and p_value(float("nan")) == "–"
    assert duration(3.14) == "3.1 s" and duration(59.99) == "60.0 s" and duration(3725) == "1:02:05"
    verdicts = ["supported", "undetermined", "not supported", "undetermined"]
    assert tally([{"verdict": verdict} for verdict in verdicts]) == (
        "1 of 4 claims are supported, 1 not supported, 2 undetermined"
    )


def test_without_a_plan_the_page_says_so(inputs):
    assert "No plan was made before the networks were trained" in written(inputs).words


def test_the_page_says_whether_the_run_kept_to_its_plan(inputs):
    inputs["plan"].mkdir()
    plan = {
        "written": "2030-01-02T03:04:05+00:00",
        "version": "1.2.3",
        "digest": "0123",
        "configuration": fixed_keys(inputs["config"]),
        "corpus": {"digest": digest_of_clips(inputs["clips"])},
        "networks_before": 0,
        "judged_by": "0123",
    }
    store(inputs["plan"] / "plan.json", json.dumps(plan))
    words = written(inputs).words
    assert "written on 2030-01-02T03:04:05+00:00 by version 1.2.3" in words
    assert "before any network was trained . The run kept to it." in words.replace(
        "trained.", "trained ."
    )
    changed = copy.deepcopy(inputs["config"])
    changed["claims"]["alpha"] = 0.2
    words = written(inputs, config=changed, judged_by="4567").words
    assert "The run did not keep to it in 1 key" in words
    assert "claims.alpha 0.05 0.2 this one" in words
    assert "The code of the claims is not that of the plan" in words
    words = written(inputs).words
    assert "keeps to it now, but an earlier report did not" in words
    assert "and set back since" in words
    store(inputs["plan"] / "plan.json", json.dumps(plan | {"networks_before": 3}))
    assert "when 3 networks had been trained already" in written(inputs).words
