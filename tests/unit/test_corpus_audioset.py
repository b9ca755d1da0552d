"""AudioSet's files: the forms in which they are published and found, and the study's numbers."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_detectors.common.errors import InputError
from music_detectors.corpus.branches import Branches
from music_detectors.corpus.build import build_corpus
from music_detectors.corpus.inputs import read_clip_ids
from music_detectors.corpus.sizes import check_corpus, clip_counts
from music_detectors.corpus.sources.audioset import (
    count_segments,
    read_class_list,
    read_segments,
)
from music_detectors.corpus.withheld import withheld_clips

KNOWN = {"/m/09x0r", "/m/04rlf", "/t/dd00088"}
WITHHOLD = ["Music", "Singing", "Humming"]
KEY = "corpus.audioset.train_segments"
PUBLISHED = """\
# Segments csv created Sun Mar  5 10:54:31 2017
# num_ytids=2, num_segs=3, num_unique_labels=3, num_positive_labels=4
# YTID, start_seconds, end_seconds, positive_labels
--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"
--PJHxphWEs, 0.000, 4.500, "/m/04rlf"
a_b-c_d-e_0, 5.000, 15.000, "/m/04rlf"
"""


def written(tmp_path, text, name="segments.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def data_lines(text):
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        data_lines,
        lambda text: text.replace(", ", ","),
        lambda text: text.replace('"', ""),
        lambda text: data_lines(text).replace('"', "").replace(", ", ","),
        lambda text: text.replace("# YTID", "YTID"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.rstrip("\n"),
        lambda text: data_lines(text).replace("--P", '"--P').replace("Es,", 'Es",'),
    ],
    ids=[
        "as published",
        "no header",
        "no spaces",
        "no quotes",
        "bare",
        "column names without #",
        "Windows",
        "byte order mark",
        "blank lines",
        "no last line end",
        "quoted ids",
    ],
)
def test_all_forms_of_a_segment_list_read_alike(tmp_path, change):
    path = written(tmp_path, change(PUBLISHED))
    segments = read_segments(path, KNOWN, KEY)
    assert segments.clip_ids == ["--PJHxphWEs_30.000", "--PJHxphWEs_0.000", "a_b-c_d-e_0_5.000"]
    assert segments.youtube_ids == ["--PJHxphWEs", "--PJHxphWEs", "a_b-c_d-e_0"]
    assert segments.starts == [30.0, 0.0, 5.0]
    assert segments.ends == [40.0, 4.5, 15.0]
    assert segments.labels == [("/m/09x0r", "/t/dd00088"), ("/m/04rlf",), ("/m/04rlf",)]
    assert count_segments(path, KEY) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--PJHxphWEs, 30.000, 40.000", "'--PJHxphWEs, 30.000, 40.000' has not the form YTID"),
        ("<html>, 1, 2, x", "'<html>' is not a YouTube id"),
        ('--PJHxphWEs, 30.000, x, "/m/04rlf"', "start 30.000 and end x are not seconds"),
        ('--PJHxphWEs, 30.000, 30.000, "/m/04rlf"', "0 <= start < end"),
        ('--PJHxphWEs, -1, 9, "/m/04rlf"', "0 <= start < end"),
        ('--PJHxphWEs, 0, inf, "/m/04rlf"', "0 <= start < end"),
        ('--PJHxphWEs, nan, 9, "/m/04rlf"', "0 <= start < end"),
        ('--PJHxphWEs, 0, 9, "/m/04rlf,/m/nope"', "label '/m/nope' is not in the list"),
        ('--PJHxphWEs, 0, 9, ""', "label '' is not in the list"),
    ],
)
def test_a_bad_line_is_named_with_file_and_number(tmp_path, line, message):
    path = written(tmp_path, f"{data_lines(PUBLISHED)}{line}\n")
    with pytest.raises(InputError) as error:
        read_segments(path, KNOWN, KEY)
    assert str(error.value).startswith(f"{path}, line 4: ")
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["ytids", "segs", "unique_labels", "positive_labels"])
def test_the_counts_of_a_header_are_checked(tmp_path, name):
    path = written(tmp_path, PUBLISHED.replace(f"num_{name}=", f"num_{name}=9"))
    with pytest.raises(InputError, match=rf"its header says num_{name}=9\d, but there are \d;"):
        read_segments(path, KNOWN, KEY)


def test_a_clip_may_occur_once(tmp_path):
    path = written(tmp_path, data_lines(PUBLISHED) * 2)
    with pytest.raises(InputError, match=r"the clip --PJHxphWEs_30\.000 occurs twice"):
        read_segments(path, KNOWN, KEY)


@pytest.mark.parametrize("content", [b"", b"# only a comment\n"])
def test_an_empty_list_is_refused(tmp_path, content):
    with pytest.raises(InputError, match=f"lists no segments; fetch it again, or correct {KEY}"):
        read_segments(written(tmp_path, content), KNOWN, KEY)


@pytest.mark.parametrize("content", [b"<html>\n<p>Sign in</p>\n", b"\x80\x81\n"])
@pytest.mark.parametrize("read", [count_segments, lambda *args: read_segments(args[0], KNOWN, KEY)])
def test_what_is_no_list_at_all_is_refused(tmp_path, content, read):
    path = written(tmp_path, content)
    with pytest.raises(InputError, match=str(path)):
        read(path, KEY)


@given(
    rows=st.lists(
        st.tuples(
            st.from_regex(r"[A-Za-z0-9_-]{11}", fullmatch=True),
            st.integers(0, 10_000_000),
            st.integers(1, 10_000),
            st.lists(st.sampled_from(sorted(KNOWN)), min_size=1, unique=True),
        ),
        min_size=1,
        unique_by=lambda row: row[:2],
    )
)
def test_a_list_in_the_published_form_reads_back(tmp_path_factory, rows):
    lines = [
        f'{ytid}, {start / 1000:.3f}, {(start + length) / 1000:.3f}, "{",".join(labels)}"\n'
        for ytid, start, length, labels in rows
    ]
    path = tmp_path_factory.mktemp("list") / "segments.csv"
    path.write_text("".join(lines))
    segments = read_segments(path, KNOWN, KEY)
    assert segments.youtube_ids == [row[0] for row in rows]
    assert segments.clip_ids == [f"{row[0]}_{row[1] / 1000:.3f}" for row in rows]
    # Milliseconds divided by 1000 are the doubles nearest to the decimals written.
    assert segments.starts == [row[1] / 1000 for row in rows]
    assert segments.ends == [(row[1] + row[2]) / 1000 for row in rows]
    assert segments.labels == [tuple(row[3]) for row in rows]
    assert count_segments(path, KEY) == len(rows)


@given(
    lines=st.lists(
        st.sampled_from(
            [
                'Yab-_def0123, 30.000, 40.000, "/m/04rlf"',
                '"--PJHxphWEs", 0, 9, "/m/09x0r"',
                '  --PJHxphWEs, 0, 9, "/m/09x0r"',
                "# a comment",
                "  # a comment",
                "YTID, start_seconds, end_seconds, positive_labels",
                '"YTID", start_seconds',
                "",
                " \t",
            ]
        ),
        min_size=1,
        max_size=40,
    ),
    ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=40, max_size=40),
    last=st.booleans(),
    block=st.integers(1, 200),
)
def test_counting_by_the_block_is_counting_line_by_line(tmp_path_factory, lines, ends, last, block):
    text = "".join(a + b for a, b in zip(lines, ends, strict=False))
    path = tmp_path_factory.mktemp("list") / "segments.csv"
    path.write_bytes((text if last else text.rstrip("\r\n")).encode())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("music_detectors.corpus.sources.audioset._BLOCK", block)
        count = count_segments(path, KEY)
    blank_or_comment = ("#", "YTID,", '"YTID"')
    kept = [line.strip() for line in lines]
    assert count == sum(bool(line) and not line.startswith(blank_or_comment) for line in kept)


def test_classes_come_by_index_with_names_that_hold_commas(tmp_path):
    path = written(tmp_path, 'index,mid,display_name\n0,/m/a,"Male speech, man"\n1,/m/b,Dog\n')
    assert read_class_list(path, "key") == [("/m/a", "Male speech, man"), ("/m/b", "Dog")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its first line is '', not index,mid,display_name; key takes"),
        ("0,/m/a,Dog\n", "its first line is '0,/m/a,Dog'"),
        ("index,mid,display_name\n", "lists no classes"),
        ("index,mid,display_name\n1,/m/a,Dog\n", "line 2: index '1' where 0 is due"),
        ("index,mid,display_name\n0,/m/a\n", "line 2: an index, a MID and a name"),
        ("index,mid,display_name\n0,/m/a,Dog\n1,/m/a,Cat\n", "line 3: the class /m/a occurs twice"),
    ],
)
def test_a_bad_class_list_is_refused(tmp_path, text, message):
    with pytest.raises(InputError) as error:
        read_class_list(written(tmp_path, text), "key")
    assert message in str(error.value)


def test_clip_ids_are_read_without_blanks_and_comments(tmp_path):
    path = written(tmp_path, "# heard\n-a_0.000\n\n  b_1.000 \r\n")
    assert read_clip_ids(path, "key") == ["-a_0.000", "b_1.000"]


@pytest.fixture(scope="module")
def audioset():
    """The configuration of the study on AudioSet's published files."""
    folder = os.environ.get("AUDIOSET_METADATA")
    if folder is None:
        pytest.skip("AUDIOSET_METADATA names no folder with AudioSet's published files")
    folder = Path(folder)
    return {
        "source": "audioset",
        "target": "Music",
        "genres": None,
        "withheld_clips": str(folder / "clips_with_unlabelled_music.txt"),
        "shard_clips": 512,
        "ontology": str(folder / "ontology.json"),
        "audioset": {
            "classes": str(folder / "class_labels_indices.csv"),
            "train_segments": str(folder / "balanced_train_segments.csv"),
            "test_segments": str(folder / "eval_segments.csv"),
        },
    }


def admissible(clips, branches):
    """How many clips of each split the study's networks may hear."""
    classes = Branches.from_table(branches, "branches.tsv").within(WITHHOLD, "here")
    return clips["split"][~withheld_clips(clips, classes)].value_counts().to_dict()


def test_the_study_classes(audioset):
    check_corpus(audioset, {"natural": WITHHOLD})
    classes, branches, _, _ = build_corpus(audioset, seed=1)
    assert len(classes) == 527
    assert classes[["target", "genre"]].sum().to_dict() == {"target": 150, "genre": 25}
    assert len(Branches.from_table(branches, "branches.tsv").within(WITHHOLD, "here")) == 158
    assert set(classes["branch"][classes["target"]]) == {"Music"}
    assert classes["branch"].nunique() == 7


def test_the_study_clips(audioset):
    _, branches, clips, summary = build_corpus(audioset, seed=1)
    assert summary.to_dict("records") == [
        {
            "split": "train",
            "clips": 22160,
            "target": 5036,
            "other": 13324,
            "mixed": 3800,
        },
        {
            "split": "test",
            "clips": 20371,
            "target": 4095,
            "other": 12523,
            "mixed": 3753,
        },
    ]
    assert admissible(clips, branches) == {"train": 12704, "test": 12436}
    assert clips["clip_id"].is_unique
    assert clip_counts(audioset, seed=1) == {"train": 22160, "test": 20371}


def test_the_study_clips_with_nothing_but_labels_to_withhold_by(audioset):
    _, branches, clips, _ = build_corpus({**audioset, "withheld_clips": None}, seed=1)
    assert admissible(clips, branches) == {"train": 13202, "test": 12436}
