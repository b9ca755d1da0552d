"""Lists of clip ids: text files, and the Excel workbook of the study's authors."""

import os
import random
import zipfile
from pathlib import Path

import pytest

from music_detectors.common.errors import InputError
from music_detectors.corpus.inputs import digest_of_ids, read_clip_ids
from music_detectors.corpus.sources.audioset import PUBLISHED
from support.workbooks import parts_of, write_workbook

IDS = ["-A0MTi2NMGI_30.000", "a_b-c-d_e_f_0.000", "zzzzzzzzzzz_0.000"]
KEY = "corpus.withheld_clips"


def as_published(ids):
    """The names of WAV files that stand for `ids`: some with a prefix, some twice."""
    names = [f"Name: {name}.wav" if k % 2 else f"{name}.wav" for k, name in enumerate(ids)]
    return [*names, names[0], f" name:{ids[0]}.WAV "]


@pytest.mark.parametrize("title", [[], ["File name"]])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("sheet", ["worksheets/sheet1.xml", "/xl/worksheets/sheet1.xml"])
def test_names_of_files_in_a_workbook_become_ids(tmp_path, title, shared, sheet):
    parts = parts_of([*title, *as_published(IDS)], shared=shared, sheet=sheet)
    # The name of a downloaded copy says nothing.
    assert read_clip_ids(write_workbook(tmp_path / "list", parts), KEY) == IDS


def test_ids_without_endings_and_empty_rows_in_a_workbook(tmp_path):
    parts = parts_of(["", IDS[0], "", IDS[1]], shared=False)
    assert read_clip_ids(write_workbook(tmp_path / "x.xlsx", parts), KEY) == IDS[:2]
    assert read_clip_ids(write_workbook(tmp_path / "x.xlsx", parts_of([])), KEY) == []


def test_a_text_file_has_one_id_per_line(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text(f"\ufeff# mine\n{IDS[1]}\r\n\n{IDS[0]} \n{IDS[1]}\nown.wav\n")
    assert read_clip_ids(path, KEY) == [IDS[1], IDS[0], "own.wav"]


def test_what_is_no_id_is_named_with_its_row(tmp_path):
    path = write_workbook(tmp_path / "x.xlsx", parts_of([f"{IDS[0]}.wav", "two words.wav"]))
    with pytest.raises(InputError, match=r"x\.xlsx, row 2: 'two words' is not the id of a clip"):
        read_clip_ids(path, KEY)


def test_the_digest_is_that_of_the_set():
    assert digest_of_ids(IDS) == digest_of_ids([*reversed(IDS), IDS[0]])
    assert digest_of_ids(IDS) != digest_of_ids(IDS[1:])


def test_the_published_list_is_known_in_both_forms(tmp_path):
    folder = os.environ.get("AUDIOSET_METADATA")
    if folder is None:
        pytest.skip("AUDIOSET_METADATA names no folder with AudioSet's published files")
    ids = read_clip_ids(Path(folder) / "clips_with_unlabelled_music.txt", KEY)
    names = [f"{'Name: ' if k < 5 else ''}{name}.wav" for k, name in enumerate(ids)]
    workbook = write_workbook(tmp_path / "x.xlsx", parts_of([*names, *names[7:11]]))
    assert len(ids) == 503 and len(names) + 4 == 507
    found = read_clip_ids(workbook, KEY)
    assert found == ids and digest_of_ids(found) == PUBLISHED["withheld_clips"][1]


def changed(name, content):
    return {**parts_of(IDS), name: content}


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><workbook>&b;</workbook>'
BAD = {
    "no sheet": (changed("xl/workbook.xml", "<workbook/>"), "its first sheet is nowhere"),
    "a sheet elsewhere": (
        changed("xl/_rels/workbook.xml.rels", "<Relationships/>"),
        "its first sheet is nowhere",
    ),
    "no such part": (parts_of(IDS, sheet="gone.xml"), "no item named"),
    "entities": (changed("xl/workbook.xml", ENTITIES), "declares a document type"),
    "entities in UTF-16": (
        changed("xl/workbook.xml", ENTITIES.encode("utf-16")),
        "declares a document type",
    ),
    "not XML": (changed("xl/workbook.xml", "<workbook"), "unclosed token"),
    "a text that is not there": (changed("xl/sharedStrings.xml", "<sst/>"), "out of range"),
    "a word for a number": (
        changed("xl/worksheets/sheet1.xml", '<a><row><c t="s"><v>x</v></c></row></a>'),
        "invalid literal",
    ),
    "a bomb": (changed("xl/worksheets/sheet1.xml", " " * 2**24), "holds more than 8 MiB"),
    "a document of another kind": ({"word/document.xml": "<w/>"}, "no item named"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_damaged_workbook_is_one_line(tmp_path, kind):
    parts, says = BAD[kind]
    path = write_workbook(tmp_path / "x.xlsx", parts)
    with pytest.raises(InputError) as caught:
        read_clip_ids(path, KEY)
    message = str(caught.value)
    assert message.startswith(f"{path}: is not a whole Excel workbook (") and says in message
    assert "\n" not in message and "fetch it again" in message


def test_an_unusual_compression_is_refused(tmp_path):
    path = write_workbook(tmp_path / "x.xlsx", parts_of(IDS), zipfile.ZIP_LZMA)
    with pytest.raises(InputError, match="compressed in an unusual way"):
        read_clip_ids(path, KEY)


def test_random_damage_is_an_input_error_or_harmless(tmp_path):
    whole = write_workbook(tmp_path / "x.xlsx", parts_of(IDS), zipfile.ZIP_STORED).read_bytes()
    draw = random.Random(1)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 8)):
            damaged[draw.randrange(4, len(whole))] = draw.randrange(256)
        cut = damaged[: draw.choice([len(whole), draw.randrange(4, len(whole))])]
        (tmp_path / "x.xlsx").write_bytes(cut)
        try:
            read_clip_ids(tmp_path / "x.xlsx", KEY)
        except InputError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 200
