"""The files about AudioSet: where they may be, how they are downloaded, what is recorded."""

import copy
import gzip
import hashlib
import os
import socket
from pathlib import Path

import pytest
import yaml

from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
from music_detectors.common.urls import check_url, is_url
from music_detectors.configuration.check import check_sense
from music_detectors.corpus.build import make_corpus
from music_detectors.corpus.columns import METADATA
from music_detectors.corpus.download import download
from music_detectors.corpus.inputs import digest_of_ids
from music_detectors.corpus.locations import configured, copies_of, with_copies
from music_detectors.corpus.metadata import fetch_metadata
from music_detectors.corpus.sizes import check_corpus, clip_counts
from music_detectors.corpus.sources.audioset import PUBLISHED
from support.web_server import Answer, serving
from support.workbooks import parts_of, write_workbook
from workflow.audioset_files import write_audioset

ROOT = Path(__file__).parents[2]
COPIES = {name: copy.name for name, copy in copies_of({"source": "audioset"}).items()}


@pytest.fixture
def web():
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The folder of a small AudioSet's files."""
    folder = tmp_path_factory.mktemp("audioset")
    write_audioset(folder, clips_per_split=20, audio=False)
    return folder / "audioset"


def section(place):
    """A corpus section whose files are at `place` (name -> path or URL)."""
    return {
        "source": "audioset",
        "target": "Music",
        "genres": None,
        "withheld_clips": place["withheld_clips"],
        "shard_clips": 8,
        "ontology": place["ontology"],
        "audioset": {
            **{name: place[name] for name in ("classes", "train_segments", "test_segments")},
            "clips": {"train": 20, "test": 20},
        },
    }


def paths(files):
    return {
        "ontology": str(files / "ontology.json"),
        "classes": str(files / "class_labels_indices.csv"),
        "train_segments": str(files / "balanced_train_segments.csv"),
        "test_segments": str(files / "eval_segments.csv"),
        "withheld_clips": str(files / "filenames.xlsx"),
    }


def published(web, files):
    """Serve the files; return the URL of each."""
    for path in paths(files).values():
        web.answers[f"/{Path(path).name}"] = Answer(Path(path).read_bytes())
    return {name: f"{web.url}/{Path(path).name}" for name, path in paths(files).items()}


def fetched(corpus, folder):
    local = with_copies(corpus, str(folder))
    urls = [name for name, place in configured(corpus).items() if is_url(place)]
    copies = {name: configured(local)[name] for name in urls}
    fetch_metadata(corpus, copies, folder / "metadata.tsv")
    return local, read_table(folder / "metadata.tsv", METADATA)


def test_files_on_the_web_become_local_copies_that_the_corpus_is_made_from(tmp_path, web, files):
    corpus = section(published(web, files))
    check_corpus(corpus, {"natural": ["Music"]})
    assert clip_counts(corpus, seed=1) == {"train": 20, "test": 20}
    local, table = fetched(corpus, tmp_path / "metadata")
    assert table["file"].tolist() == list(COPIES)
    assert table["origin"].tolist() == [configured(corpus)[name] for name in COPIES]
    for name, digest, size in zip(table["file"], table["sha256"], table["bytes"], strict=True):
        content = Path(paths(files)[name]).read_bytes()
        assert Path(configured(local)[name]).read_bytes() == content
        assert digest == hashlib.sha256(content).hexdigest() and size == len(content)
    tables = [
        tmp_path / name for name in ("classes.tsv", "branches.tsv", "clips.tsv", "summary.tsv")
    ]
    copies = [tmp_path / "metadata" / name for name in COPIES.values()]
    make_corpus(local, 1, {"train": 20, "test": 20}, copies, *tables)
    assert tables[2].read_text().count("\n") == 41


def test_files_on_disk_are_recorded_and_stay_where_they_are(tmp_path, files):
    corpus = section(paths(files))
    local, table = fetched(corpus, tmp_path)
    assert local == corpus
    assert table["origin"].tolist() == [paths(files)[name] for name in COPIES]
    assert {path.name for path in tmp_path.iterdir()} == {"metadata.tsv", ".metadata.tsv.sha256"}


def test_both_may_be_mixed(tmp_path, web, files):
    place = {**paths(files), "train_segments": published(web, files)["train_segments"]}
    local, table = fetched(section(place), tmp_path)
    assert local["audioset"]["train_segments"] == str(tmp_path / "train_segments.csv")
    assert local["audioset"]["test_segments"] == place["test_segments"]
    assert len(table) == 5 and sum(web.asked.values()) == 1


def test_a_file_that_differs_from_the_published_one_leads_to_a_warning(
    tmp_path, files, capsys, caplog
):
    _, table = fetched(section(paths(files)), tmp_path)
    assert set(table["published"]) == {"differs"}
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 5
    assert said[0].startswith(f"warning: {paths(files)['ontology']}: is not the ontology.json")
    assert (
        "that is fine if you chose another for corpus.ontology" in said[0]
        and said[0][9:] in caplog.text
    )


def test_the_list_of_withheld_clips_is_compared_as_a_set(tmp_path, web, files, monkeypatch):
    ids = ["b_2.000", "a_1.000", "c_0.000"]
    monkeypatch.setitem(PUBLISHED, "withheld_clips", ("list", digest_of_ids(ids)))
    workbook = write_workbook(tmp_path / "x.xlsx", parts_of([f"Name: {name}.wav" for name in ids]))
    place = published(web, files)
    web.answers["/filenames.xlsx"] = Answer(workbook.read_bytes())
    place["withheld_clips"] = f"{web.url}/filenames.xlsx"
    local, table = fetched(section(place), tmp_path / "metadata")
    assert table.set_index("file")["published"]["withheld_clips"] == "same"
    # The row is about the bytes, and the copy is what the server sent.
    copied = Path(local["withheld_clips"]).read_bytes()
    assert copied == workbook.read_bytes()
    assert table["sha256"].iloc[-1] == hashlib.sha256(copied).hexdigest()


def test_an_ontology_of_a_manifest_is_compared_with_nothing(tmp_path, files, capsys):
    corpus = {**section(paths(files)), "withheld_clips": None}
    corpus |= {"source": "manifest", "manifest": {"path": "manifest.tsv"}}
    _, table = fetched(corpus, tmp_path)
    assert table[["file", "published"]].to_numpy().tolist() == [["ontology", ""]]
    assert capsys.readouterr().err == ""


def test_the_known_sums_are_those_of_the_published_files(tmp_path, capsys):
    folder = os.environ.get("AUDIOSET_METADATA")
    if folder is None:
        pytest.skip("AUDIOSET_METADATA names no folder with AudioSet's published files")
    place = paths(Path(folder))
    place["withheld_clips"] = str(Path(folder) / "clips_with_unlabelled_music.txt")
    corpus = section(place)
    _, table = fetched(corpus, tmp_path)
    assert table["published"].tolist() == ["same"] * 5 and capsys.readouterr().err == ""
    default = yaml.safe_load((ROOT / "config.yaml").read_text())["corpus"]["audioset"]["clips"]
    assert clip_counts(corpus, seed=1) == default


def test_every_copy_has_a_known_sum():
    assert set(PUBLISHED) == set(COPIES)
    assert all(len(digest) == 64 for _, digest in PUBLISHED.values())


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("ontology", b"<html>busy</html>", "not JSON"),
        ("classes", b"<html>busy</html>", "not index,mid,display_name"),
        ("train_segments", b"<html>busy</html>", "has not the form YTID"),
        ("test_segments", b"# only a header\n", "lists no segments"),
        ("test_segments", b'a, 0, 1, "/m/unknown"\n', "is not in the list of classes"),
        ("withheld_clips", b"<html>\n", "line 1: '<html>' is not the id of a clip"),
    ],
)
def test_a_damaged_download_is_refused_with_its_address(tmp_path, web, files, name, content, says):
    place = published(web, files)
    web.answers[place[name].removeprefix(web.url)] = Answer(content)
    with pytest.raises(InputError) as caught:
        fetched(section(place), tmp_path)
    assert str(caught.value).startswith(place[name]) and says in str(caught.value)
    # Neither a damaged file nor a table is left behind.
    assert not (tmp_path / COPIES[name]).exists()
    assert not (tmp_path / "metadata.tsv").exists()
    assert {path.suffix for path in tmp_path.glob(".*")} <= {".sha256"}


def test_a_list_that_lost_lines_disagrees_with_its_header(tmp_path, web, files):
    place = published(web, files)
    lines = Path(paths(files)["train_segments"]).read_bytes().splitlines(keepends=True)
    web.answers["/balanced_train_segments.csv"] = Answer(b"".join(lines[:-2]))
    with pytest.raises(InputError, match="header says num_segs=20, but there are 18"):
        fetched(section(place), tmp_path)


def test_a_plan_for_another_number_of_clips_is_refused_with_the_right_number(tmp_path, files):
    corpus = section(paths(files))
    tables = [
        tmp_path / name for name in ("classes.tsv", "branches.tsv", "clips.tsv", "summary.tsv")
    ]
    with pytest.raises(
        InputError, match=r"has 20 clips in the test split.*set corpus\.audioset\.clips\.test to 20"
    ):
        make_corpus(corpus, 1, {"train": 20, "test": 21}, [], *tables)
    assert not any(path.exists() for path in tables)


@pytest.mark.parametrize(
    "answers",
    [
        [Answer(status=503), Answer(b"whole")],
        [Answer(status=429, headers={"Retry-After": "0"}), Answer(b"whole")],
        [Answer(b"who", length=5), Answer(b"whole")],
        [Answer(status=302, headers={"Location": "/other"})],
        [Answer(gzip.compress(b"whole"), headers={"Content-Encoding": "gzip"})],
        [Answer(b"whole", length="")],
    ],
    ids=["503", "429", "short", "redirect", "compressed", "no length"],
)
def test_a_download_survives(tmp_path, web, answers):
    web.answers["/file"] = answers
    web.answers["/other"] = Answer(b"whole")
    download(f"{web.url}/file", tmp_path / "file", first_pause=0.01)
    assert (tmp_path / "file").read_bytes() == b"whole"


@pytest.mark.parametrize(
    ("answer", "says", "asked"),
    [
        (Answer(status=404), "status 404; correct the address", 1),
        (Answer(status=403), "status 403", 1),
        (Answer(status=500), "after 5 attempts (status 500)", 5),
        (Answer(b"x" * 10, length=20), "after 5 attempts", 5),
        (Answer(b"x" * 2000), "is larger than", 1),
        (Answer(b"x" * 2000, length=""), "is larger than", 1),
        (Answer(status=302, headers={"Location": "file:///etc/passwd"}), "which is refused", 1),
        (Answer(status=302, headers={"Location": "ftp://127.0.0.1/x"}), "which is refused", 1),
        (Answer(status=302, headers={"Location": "/file"}), "more than 5 redirects", 6),
        (Answer(b"x" * 60, pause=0.02, block=1), "not complete after 0.2 s", 5),
    ],
    ids="404 403 500 short large larger file ftp loop drip".split(),
)
def test_a_failed_download_is_one_line(tmp_path, web, answer, says, asked):
    web.answers["/file"] = answer
    with pytest.raises(InputError) as caught:
        download(
            f"{web.url}/file", tmp_path / "file", most_bytes=1000, seconds=0.2, first_pause=0.01
        )
    message = str(caught.value)
    assert message.startswith(f"{web.url}/file: ") and says in message and "\n" not in message
    assert web.asked["/file"] == asked


def test_a_closed_port(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file"
        with pytest.raises(InputError, match="after 5 attempts"):
            download(url, tmp_path / "file", first_pause=0.01)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://a/b", True),
        ("ftp://a/b", True),
        ("audioset/ontology.json", False),
        ("/a//b", False),
        ("C:/lists/eval.csv", False),
        (None, False),
    ],
)
def test_a_url_is_told_from_a_path(text, expected):
    assert is_url(text) is expected


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://a/b",
        "http:///b",
        "http://a:port/",
        "http://a/b c",
        "http://[a/b",
    ],
)
def test_other_addresses_are_refused(url):
    with pytest.raises(InputError, match=r"corpus\.ontology is .*no http or https address"):
        check_url(url, "corpus.ontology")
    check_url("https://storage.googleapis.com/us_audioset/x.csv", "corpus.ontology")


@pytest.fixture
def configuration(tmp_path):
    found = yaml.safe_load((ROOT / "config.yaml").read_text())
    found["audio"]["folder"] = str(tmp_path)
    return found


def test_a_configuration_may_name_urls(configuration):
    place = {name: f"https://example.org/{copy}" for name, copy in COPIES.items()}
    configuration["corpus"].update(section(place))
    check_sense(configuration)
    for name, key in (("ontology", "ontology"), ("withheld_clips", "withheld_clips")):
        wrong = copy.deepcopy(configuration)
        wrong["corpus"][name] = "ftp://example.org/x"
        with pytest.raises(InputError, match=rf"corpus\.{key} is 'ftp:"):
            check_sense(wrong)


def test_the_ontology_of_a_manifest_must_be_a_file_on_disk(configuration, tmp_path):
    (tmp_path / "manifest.tsv").touch()
    configuration["corpus"].update(source="manifest", ontology="https://example.org/ontology.json")
    configuration["corpus"]["manifest"]["path"] = str(tmp_path / "manifest.tsv")
    with pytest.raises(InputError, match=r"corpus\.ontology is 'https.*no such file"):
        check_sense(configuration)
