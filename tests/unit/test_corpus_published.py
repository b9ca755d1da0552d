"""Tables as they were published: how they are read without being rewritten, and what is refused."""

import csv
import itertools

import pytest

from music_detectors.common.errors import InputError
from music_detectors.corpus.published import Published
from music_detectors.corpus.sources.manifest import read_manifest

KEY = "corpus.manifest.path"
ESC50 = (
    "filename,fold,target,category,esc10,src_file,take\n"
    "1-100032-A-0.wav,1,0,dog,True,100032,A\n"
    "1-100038-A-14.wav,1,14,chirping_birds,False,100038,A\n"
    "5-9032-A-0.wav,5,0,dog,True,9032,A\n"
)
OF_ESC50 = {
    "path": "../audio/{filename}",
    "labels": "category",
    "group": "src_file",
    "split": {"column": "fold", "values": {"1": "train", "5": "test"}},
}


def read(tmp_path, text, columns, only=None, name="meta.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return read_manifest(path, None, KEY, Published(columns, only))


def test_esc50(tmp_path):
    found = read(tmp_path, ESC50, OF_ESC50)
    assert found.paths == [
        f"{tmp_path}/../audio/{name}"
        for name in ("1-100032-A-0.wav", "1-100038-A-14.wav", "5-9032-A-0.wav")
    ]
    assert found.labels == [("dog",), ("chirping_birds",), ("dog",)]
    assert found.groups == ["100032", "100038", "9032"]
    assert found.splits == ["train", "train", "test"]
    assert found.starts == [0, 0, 0]


def test_esc10_is_the_rows_of_esc50_that_say_so(tmp_path):
    for asked in (True, "True", [True]):
        found = read(tmp_path, ESC50, OF_ESC50, {"esc10": asked})
        assert found.labels == [("dog",), ("dog",)]
    both = read(tmp_path, ESC50, OF_ESC50, {"esc10": True, "fold": [5]})
    assert both.groups == ["9032"]


def test_urbansound8k(tmp_path):
    found = read(
        tmp_path,
        "slice_file_name,fsID,start,end,salience,fold,classID,class\n"
        "100032-3-0-0.wav,100032,0.0,0.317551,1,5,3,dog_bark\n"
        "108187-9-0-4.wav,108187,2.0,6.0,1,10,9,street_music\n",
        {
            "path": "../audio/fold{fold}/{slice_file_name}",
            "labels": {"column": "class", "values": {"street_music": "Music"}},
            "group": "fsID",
        },
    )
    assert [path.removeprefix(f"{tmp_path}/") for path in found.paths] == [
        "../audio/fold5/100032-3-0-0.wav",
        "../audio/fold10/108187-9-0-4.wav",
    ]
    # Values that are not named stay as they are.
    assert found.labels == [("dog_bark",), ("Music",)]


def fma(folder, rows):
    """Write a table with the three lines of names of FMA's tracks.csv."""
    names = [
        ("", "", "track_id"),
        ("album", "comments", ""),
        ("album", "title", ""),
        ("artist", "id", ""),
        ("set", "split", ""),
        ("set", "subset", ""),
        ("track", "genre_top", ""),
        ("track", "title", ""),
    ]
    with open(folder / "tracks.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows(itertools.zip_longest(*names))
        writer.writerows(rows)


OF_FMA = {
    "path": "../fma_small/{track_id:06:3}/{track_id:06}.mp3",
    "labels": "track.genre_top",
    "group": "artist.id",
    "split": {"column": "set.split", "values": {"training": "train", "validation": "train"}},
}


def test_fma_with_its_three_lines_of_names(tmp_path):
    fma(
        tmp_path,
        [
            (2, 0, "A", 1, "training", "small", "Hip-Hop", 'Food, "cold"'),
            (20, 0, "B", 4, "training", "large", "", "no genre"),
            (13_5000, 1, "two\nlines", 7, "validation", "small", "Rock", ""),
            (155_320, 1, "C", 9, "test", "small", "Rock", "x"),
        ],
    )
    found = read_manifest(
        tmp_path / "tracks.csv", None, KEY, Published(OF_FMA, {"set.subset": "small"})
    )
    assert [path.removeprefix(f"{tmp_path}/../fma_small/") for path in found.paths] == [
        "000/000002.mp3",
        "135/135000.mp3",
        "155/155320.mp3",
    ]
    assert found.labels == [("Hip-Hop",), ("Rock",), ("Rock",)]
    assert found.splits == ["train", "train", "test"]
    first = Published({**OF_FMA, "group": "{track_id:2}"}, {"set.subset": "small"})
    assert read_manifest(tmp_path / "tracks.csv", None, KEY, first).groups == ["2", "13", "15"]
    # The lines are those of the file, in which a cell may have a line break.
    with pytest.raises(InputError, match=r"tracks.csv, line 5: labels is empty"):
        read_manifest(tmp_path / "tracks.csv", None, KEY, Published(OF_FMA, None))


def test_gtzan(tmp_path):
    found = read(
        tmp_path,
        "filename,length,chroma_stft_mean,label\n"
        "blues.00000.wav,661794,0.35,blues\n"
        "rock.00099.wav,661794,0.38,rock\n",
        {"path": "genres_original/{label}/{filename}", "labels": "label"},
        name="features_30_sec.csv",
    )
    assert found.recordings == [
        "genres_original/blues/blues.00000.wav",
        "genres_original/rock/rock.00099.wav",
    ]
    assert found.labels == [("blues",), ("rock",)]


def test_an_unnamed_index_and_columns_twice_do_not_matter_where_they_are_not_used(tmp_path):
    text = ",file,tag,tag,x\n0,a.wav,p,q,Dog\n,b.wav,p,q,Cat\n"
    found = read(tmp_path, text, {"path": "file", "labels": "x"})
    assert found.recordings == ["a.wav", "b.wav"] and found.labels == [("Dog",), ("Cat",)]
    with pytest.raises(InputError, match=r"labels names the column 'tag', which occurs twice"):
        read(tmp_path, text, {"path": "file", "labels": "tag"})


@pytest.mark.parametrize(
    ("columns", "only", "message"),
    [
        ({"path": "filname"}, None, r"columns.path names the column 'filname'.*mean 'filename'"),
        ({"path": "a/{x}"}, None, r"names the column 'x', which is not there; its columns are fil"),
        ({}, {"fld": "1"}, r"corpus.manifest.only names the column 'fld'.* did you mean 'fold'"),
        ({}, {"esc10": "true"}, r"only.esc10 names 'true', which no row has.*mean 'True'"),
        ({}, {"fold": ["1", "9"]}, r"only.fold names '9', which no row .*; there are 1, 5"),
        (
            {"split": {"column": "fold", "values": {"1": "train", "6": "test"}}},
            None,
            r"columns.split.values names '6', which no row has in .* 'fold'; there are 1, 5",
        ),
        (
            {"split": {"column": "fold", "values": {"1": "train"}}},
            None,
            r"line 4: split '5' is neither train nor test",
        ),
        ({"path": "{filename"}, None, r"columns.path is '{filename', which cannot be understood"),
        ({"path": "{}"}, None, r"cannot be understood; write {name} for the cell"),
        ({"path": "{filename:x}"}, None, r"cannot be understood; .* {name:06:3} for the first"),
        ({"start_seconds": "category"}, None, r"line 2: start_seconds 'dog' is not a number"),
    ],
)
def test_what_does_not_fit_the_table_is_one_line(tmp_path, columns, only, message):
    with pytest.raises(InputError, match=message) as error:
        read(tmp_path, ESC50, {**OF_ESC50, **columns}, only)
    assert str(error.value).isprintable()
