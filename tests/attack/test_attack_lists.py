"""Lists of clips and classes by a stranger: those of AudioSet and of FSD50K."""

import math
import random
import re

import pytest

from attack.limits import ROUNDS, bounded, mutated
from music_detectors.common.errors import InputError
from music_detectors.corpus.sources.audioset import count_segments, read_class_list, read_segments
from music_detectors.corpus.sources.fsd50k import (
    count_clips,
    ground_truth,
    read_clips,
    read_vocabulary,
)

KEY = "corpus.audioset.train_segments"
KNOWN = {"/m/04rlf", "/m/09x0r", "/t/dd00088"}
CLASSES = 'index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/m/04rlf,"Music"\n2,/t/dd00088,"Gush"\n'
SEGMENTS = "# num_ytids=3, num_segs=4, num_unique_labels=3, num_positive_labels=5\n" + "".join(
    f'{name}, {start}.000, {start + 10}.000, "{labels}"\n'
    for name, start, labels in [
        ("--PJHxphWEs", 30, "/m/09x0r,/t/dd00088"),
        ("--PJHxphWEs", 0, "/m/04rlf"),
        ("a_b-c_d-e_0", 5, "/m/04rlf"),
        ("0123456789a", 5, "/m/09x0r"),
    ]
)
VOCABULARY = "0,Speech,/m/09x0r\n1,Music,/m/04rlf\n"
DEV = """\
fname,labels,mids,split
64760,"Music,Speech","/m/04rlf,/m/09x0r",train
7,Music,/m/04rlf,val
"""
WORDS = [
    text.encode()
    for text in '" , ; \n \r \t # \0 \u202e \u2028 \u200b é 9 1_0 / - nan inf'.split(" ")
]
WORDS += [
    b'""',
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"9" * 5000,
    b"x" * 200_000,
    b"YTID,",
    b"fname,",
    b"\n\n",
]


def written(tmp_path, name, content):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    )
    return path


def one_line(error):
    assert str(error).isprintable() and len(str(error)) <= 2000, ascii(str(error)[:3000])


@pytest.mark.parametrize(
    "time", ["1_0", "\u0663\u0660", "\uff13\uff10", "nan", "inf", "-1", "0x1", "9" * 5000, "1e400"]
)
def test_a_time_is_of_plain_digits(tmp_path, time):
    for start, end in ((time, "40.000"), ("30.000", time)):
        path = written(tmp_path, "s.csv", f'--PJHxphWEs, {start}, {end}, "/m/04rlf"\n')
        with pytest.raises(InputError, match=r"line 1: start .* are not seconds with 0") as raised:
            read_segments(path, KNOWN, KEY)
        one_line(raised.value)


@pytest.mark.parametrize("digits", ["9" * 5000, "\u0664", "5"])
def test_counts_in_a_header_that_are_not_those_are_one_line(tmp_path, digits):
    path = written(tmp_path, "s.csv", SEGMENTS.replace("num_segs=4", f"num_segs={digits}"))
    if digits.isascii():
        with pytest.raises(InputError, match=r"its header says num_segs=.*, but there are 4") as e:
            read_segments(path, KNOWN, KEY)
        one_line(e.value)
    else:
        assert len(read_segments(path, KNOWN, KEY).clip_ids) == 4


@pytest.mark.parametrize(
    ("mid", "name"),
    [
        ("/m/04rlf;/m/0", "Music"),
        ("/m/04rlf\x1b", "Music"),
        ("/m/\u0661", "Music"),
        ("/m/04rlf", "Mu\u200bsic"),
        ("/m/04rlf", "Mu\u3164sic"),
        ("/m/04rlf", "Pop\u00a0music"),
        ("/m/04rlf", "\u202ecisuM"),
        ("/m/04rlf", "a;b"),
        ("/m/04rlf", "x" * 201),
        ("/m/04rlf", "Mu\x9b2Jsic"),
    ],
)
def test_names_and_ids_of_classes_break_nothing(tmp_path, mid, name):
    classes = written(tmp_path, "c.csv", f'index,mid,display_name\n0,{mid},"{name}"\n')
    written(tmp_path, "FSD50K.ground_truth/vocabulary.csv", f'0,"{name}",{mid}\n')
    for read in (lambda: read_class_list(classes, "k"), lambda: read_vocabulary(tmp_path)):
        with pytest.raises(InputError, match=r"csv, line \d: .*is (not an id|called)") as raised:
            read()
        one_line(raised.value)


def fuzzed(tmp_path, whole, name, read):
    """How many of many damaged versions of the text `whole` are refused, in one line each."""
    draw = random.Random(name)

    def attack():
        refused = 0
        for _ in range(500 * ROUNDS):
            path = written(tmp_path, name, mutated(draw, whole.encode(), WORDS))
            try:
                read(path)
            except InputError as error:
                refused += 1
                one_line(error)
        return refused

    return bounded(attack, seconds=60 * ROUNDS)


def test_random_damage_to_lists_of_audioset_is_one_line_or_a_list(tmp_path):
    def segments(path):
        found = read_segments(path, KNOWN, KEY)
        assert count_segments(path, KEY) == len(found.clip_ids) == len(set(found.clip_ids))
        for clip_id, video, start, end, labels in zip(*found, strict=True):
            assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", video) and set(labels) <= KNOWN
            assert 0 <= start < end < math.inf and clip_id == f"{video}_{start:.3f}"

    assert fuzzed(tmp_path, SEGMENTS, "s.csv", segments) > 100

    def classes(path):
        read_class_list(path, "corpus.audioset.classes")

    assert fuzzed(tmp_path, CLASSES, "c.csv", classes) > 100


def test_random_damage_to_lists_of_fsd50k_is_one_line_or_a_list(tmp_path):
    files = ground_truth(tmp_path)

    def clips(path):
        found = read_clips(tmp_path, "train", KNOWN)
        assert count_clips(tmp_path, "train") == len(found.clip_ids) == len(set(found.clip_ids))
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in found.clip_ids)

    assert fuzzed(tmp_path, DEV, files["train"], clips) > 100

    def vocabulary(_):
        read_vocabulary(tmp_path)

    assert fuzzed(tmp_path, VOCABULARY, files["vocabulary"], vocabulary) > 100
