"""A user's manifest: how it is read, what is refused, and how clips without a split get one."""

import csv
import math
import re
import unicodedata
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music_detectors.common.errors import InputError
from music_detectors.corpus.names import cannot_be_seen
from music_detectors.corpus.ontology import Ontology
from music_detectors.corpus.sources.manifest import (
    Manifest,
    assign_splits,
    label_names,
    read_manifest,
)

KEY = "corpus.manifest.path"
ONTOLOGY = Ontology.from_nodes(
    [
        {"id": "/m/04rlf", "name": "Music", "child_ids": ["/m/03_d0"]},
        {"id": "/m/0bt9lr", "name": "Dog", "child_ids": []},
        {"id": "/m/03_d0", "name": "Jazz", "child_ids": []},
        {"id": "/m/1", "name": "Bell", "child_ids": []},
        {"id": "/m/2", "name": "Bell", "child_ids": []},
    ],
    "ontology.json",
)


def written(tmp_path, text, name="manifest.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(tmp_path, text, ontology=None, name="manifest.csv"):
    return read_manifest(written(tmp_path, text, name), ontology, KEY)


def test_every_column_is_read(tmp_path):
    manifest = read(
        tmp_path,
        "group,split,end_seconds,start_seconds,clip_id,labels,path\n"
        "band 1,test,12.5,2.5,my-clip_1.a,Jazz; Voice ;Jazz,jazz/a b.wav\n",
    )
    assert manifest._asdict() == {
        "clip_ids": ["my-clip_1.a"],
        "paths": [str(tmp_path / "jazz/a b.wav")],
        "recordings": ["jazz/a b.wav"],
        "starts": [2.5],
        "ends": [12.5],
        "labels": [("Jazz", "Voice")],
        "splits": ["test"],
        "groups": ["band 1"],
    }


@pytest.mark.parametrize("licence", ["licence", "license"])
def test_licence_and_attribution_may_stand_in_the_table(tmp_path, licence):
    plain = read(tmp_path, "path,labels\na.wav,Dog\nb.wav,Cat\n")
    noted = f'path,{licence},labels,attribution\na.wav,CC BY 4.0,Dog,\nb.wav,,Cat,"Ann, Bob"\n'
    assert read(tmp_path, noted) == plain
    with pytest.raises(InputError, match="'licens' is not one of a manifest; did you mean 'licen"):
        read(tmp_path, noted.replace(licence, "licens"))


def test_path_and_labels_are_enough(tmp_path):
    manifest = read(tmp_path, "path,labels\n/data/a.flac,Dog\n")
    assert manifest.clip_ids == ["a"]
    assert manifest.paths == ["/data/a.flac"]
    assert manifest.labels == [("Dog",)]
    assert (manifest.starts, manifest.splits, manifest.groups) == ([0.0], [""], [""])
    assert math.isnan(manifest.ends[0])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.csv", "path,labels\na.wav,Dog\n"),
        ("m.tsv", "path\tlabels\na.wav\tDog\n"),
        ("m.txt", "path\tlabels\na.wav\tDog\n"),
        ("m.txt", "path,labels\na.wav,Dog\n"),
        ("m.CSV", "path,labels\r\na.wav,Dog\r\n"),
        ("m.csv", "\ufeffpath,labels\na.wav,Dog\n"),
        ("m.tsv", '\ufeff"path"\tlabels\r\n\r\na.wav\tDog'),
        ("m.csv", " path , labels ,group\n a.wav , Dog \n,,\n"),
    ],
)
def test_tabs_commas_line_ends_and_byte_order_marks(tmp_path, name, text):
    manifest = read(tmp_path, text, name=name)
    assert (manifest.recordings, manifest.labels) == (["a.wav"], [("Dog",)])


def test_a_manifest_beside_the_configuration_gives_paths_that_are_no_bare_names(
    tmp_path, monkeypatch
):
    written(tmp_path, "path,labels\n-a.wav,Dog\n", "m.csv")
    monkeypatch.chdir(tmp_path)
    assert read_manifest("m.csv", None, KEY).paths == ["./-a.wav"]


def test_labels_are_names_or_ids_of_the_ontology(tmp_path):
    manifest = read(tmp_path, "path,labels\na.wav,Jazz;/m/0bt9lr\nb.wav,/m/03_d0;Jazz\n", ONTOLOGY)
    assert manifest.labels == [("/m/03_d0", "/m/0bt9lr"), ("/m/03_d0",)]
    assert label_names(manifest, ONTOLOGY) == [("/m/0bt9lr", "Dog"), ("/m/03_d0", "Jazz")]


def test_without_an_ontology_labels_stand_for_themselves(tmp_path):
    manifest = read(tmp_path, "path,labels\na.wav,b;A\nb.wav,é\n")
    assert label_names(manifest, None) == [("A", "A"), ("b", "b"), ("é", "é")]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",Dog", "path is empty"),
        ("b.wav,", "labels is empty"),
        ("b.wav, ; ", "labels is empty"),
        ("b.wav,Dgo", "labels: 'Dgo' is neither a name nor an id in ontology.json; did you mean"),
        ("b.wav,Bell", "labels: 'Bell' is the name of 2 classes"),
        ("b.wav,Dog,,5,5", "end_seconds 5 is not after start_seconds 5"),
        ("b.wav,Dog,,,0", "end_seconds 0 is not after start_seconds 0"),
        ("b.wav,Dog,,-1", "start_seconds '-1' is not a number of seconds"),
        ("b.wav,Dog,,inf", "start_seconds 'inf' is not a number of seconds"),
        ('b.wav,Dog,,"1,5"', "start_seconds '1,5' is not a number of seconds"),
        ("b.wav,Dog,,,nan", "end_seconds 'nan' is not a number of seconds"),
        ("b.wav,Dog,,,,dev", "split 'dev' is neither train nor test"),
        ("b.wav,Dog,a b", "clip_id 'a b' is not 1 to 120 letters"),
        ("b.wav,Dog,..", "clip_id '..' is not 1 to 120 letters"),
        (f"b.wav,Dog,{'a' * 121}", "is not 1 to 120 letters"),
        ("b.wav,Dog,one", "clip_id 'one' is on line 2 already"),
        ("b.wav,Dog,,,,test,g", "group 'g' is in test here and in train on line 2"),
        ("b.wav,Dog,,,,,,x", "8 cells, but the first line names 7 columns"),
        ('"b\x07.wav",Dog', "path 'b .wav' holds a control character"),
    ],
)
def test_a_bad_row_is_named_with_manifest_and_line(tmp_path, row, message):
    text = (
        "path,labels,clip_id,start_seconds,end_seconds,split,group\n"
        f"a.wav,Dog,one,,,train,g\n{row}\nc.wav,Dog\n"
    )
    with pytest.raises(InputError) as error:
        read(tmp_path, text, ONTOLOGY)
    assert str(error.value).startswith(f"{tmp_path / 'manifest.csv'}, line 3: ")
    assert message in str(error.value)
    assert "more lines" not in str(error.value)
    assert "\n" not in str(error.value)


def test_of_many_mistakes_the_first_is_named_and_the_rest_counted(tmp_path):
    text = "path,labels,clip_id\na.wav,Dog,x\nb.wav,Dog,x\nc.wav,\n,Dog\nd.wav,Dog\n"
    with pytest.raises(InputError, match=r"line 3: clip_id 'x' .* \(and 2 more lines with mist"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,lables\na.wav,Dog\n", "the column 'lables' .* did you mean 'labels'"),
        ("path,labels,\na.wav,Dog,x\n", "a column without a name is not one of a manifest"),
        ("path;labels\na.wav;Dog\n", "the column 'path;labels' .*separated by commas"),
        ("path,labels,path\n", "the column 'path' occurs twice"),
        ("labels\nDog\n", "there is no column 'path'; .*separated by commas"),
        ("", "there is no column 'path'"),
        ("path,labels\n", "lists no clips; add a row"),
        (b"path,labels\n\xe9.wav,Dog\n", "not UTF-8 text"),
        ('path,labels\n"a "b".wav",Dog\n', "line 2: ',' expected after '\"'; where a cell is in q"),
        ('path,labels\n"a.wav,Dog\nb.wav,Dog\n', "line 3: unexpected end of data"),
        ('path,labels\n"' + "a" * 200_000 + '",Dog\n', "line 2: field larger than field limit"),
    ],
)
def test_a_bad_table_is_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as error:
        read(tmp_path, text)
    assert str(tmp_path / "manifest.csv") in str(error.value)


def test_a_missing_manifest_is_named_with_its_key(tmp_path):
    with pytest.raises(InputError, match=f"configuration: {KEY} is '.*x.csv', and there is no"):
        read_manifest(tmp_path / "x.csv", None, KEY)


@pytest.mark.parametrize(
    ("recordings", "ids"),
    [
        (["jazz/a b.wav.gz", "jazz/c.m4a"], ["jazz-a_b", "jazz-c"]),
        (["./x/../été 2.ogg", "-A0MTi2NMGI.webm"], ["ete_2", "-A0MTi2NMGI"]),
        (["/data/one/a.mp3", "b.unknown"], ["a", "b.unknown"]),
        (["../音楽.wav", "..wav"], ["_", "clip"]),
    ],
)
def test_ids_are_made_from_paths(tmp_path, recordings, ids):
    rows = "".join(f"{recording},Dog\n" for recording in recordings)
    assert read(tmp_path, f"path,labels\n{rows}").clip_ids == ids


def test_ids_tell_segments_and_lookalikes_apart(tmp_path):
    manifest = read(
        tmp_path,
        "path,labels,start_seconds,end_seconds\n"
        "a.wav,Dog,0,5\na.wav,Dog,5,10\na.wav,Dog,5.0001,10\nb.wav,Dog\nb.mp3,Dog\n",
    )
    ids = manifest.clip_ids
    assert ids[0] == "a_0.000"
    assert re.fullmatch(r"a_5\.000_[0-9a-f]{12}", ids[1])
    assert re.fullmatch(r"b_[0-9a-f]{12}", ids[4])
    assert len(set(ids)) == 5


def test_a_given_id_is_kept_where_a_path_would_give_the_same(tmp_path):
    made, given_id = read(tmp_path, "path,labels,clip_id\na.wav,Dog,\nb.wav,Dog,a\n").clip_ids
    assert given_id == "a"
    assert re.fullmatch(r"a_[0-9a-f]{12}", made)


def test_the_same_segment_twice_needs_ids(tmp_path):
    text = "path,labels,start_seconds\na.wav,Dog,1\n./a.wav,Cat,1.0\n"
    with pytest.raises(InputError, match="line 3: the same path and segment as line 2"):
        read(tmp_path, text)
    named = read(tmp_path, "path,labels,clip_id\na.wav,Dog,a1\na.wav,Cat,a2\n")
    assert named.clip_ids == ["a1", "a2"]


# Anything but what cannot be seen, and what a cell loses at its ends.
text_cells = st.text(
    st.characters(exclude_categories=["Cc", "Cf", "Cs"], exclude_characters=";"),
    min_size=1,
    max_size=150,
).filter(lambda text: text == text.strip() and not cannot_be_seen(text))
rows_of_a_manifest = st.lists(
    st.fixed_dictionaries(
        {
            "path": text_cells,
            "labels": st.lists(text_cells, min_size=1, max_size=3, unique=True),
            "start_seconds": st.one_of(st.none(), st.floats(0, 1e6)),
            "length": st.one_of(st.none(), st.floats(0.001, 1e3)),
            "split": st.sampled_from(["", "train", "test"]),
        }
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda row: row["path"].replace("\\", "/").replace("/", "").replace(".", ""),
)


def composed(labels):
    """`labels` as they are compared: with accents stored as one character."""
    return tuple(dict.fromkeys(unicodedata.normalize("NFC", label) for label in labels))


@given(rows=rows_of_a_manifest, comma=st.booleans())
def test_what_is_written_is_read(tmp_path_factory, rows, comma):
    path = tmp_path_factory.mktemp("manifest") / ("m.csv" if comma else "m.tsv")
    columns = ["path", "labels", "start_seconds", "end_seconds", "split"]
    ends = [
        None if row["length"] is None else (row["start_seconds"] or 0.0) + row["length"]
        for row in rows
    ]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="," if comma else "\t")
        writer.writerow(columns)
        for row, end in zip(rows, ends, strict=True):
            start = row["start_seconds"]
            writer.writerow([row["path"], ";".join(row["labels"]), start, end, row["split"]])
    manifest = read_manifest(path, None, KEY)
    assert manifest.recordings == [row["path"] for row in rows]
    assert manifest.labels == [composed(row["labels"]) for row in rows]
    assert manifest.starts == [row["start_seconds"] or 0.0 for row in rows]
    assert [None if math.isnan(read) else read for read in manifest.ends] == ends
    assert manifest.splits == [row["split"] for row in rows]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,120}", clip_id) for clip_id in manifest.clip_ids)
    assert len(set(manifest.clip_ids)) == len(rows)


ROLES = ("target", "other", "mixed")


def clips_of(tmp_path_factory, rows):
    """Clips from rows of (group, split); each has a recording of its own."""
    path = tmp_path_factory.mktemp("splits") / "m.csv"
    lines = [f"{place}.wav,x,{split},{group}\n" for place, (group, split) in enumerate(rows)]
    path.write_text("path,labels,split,group\n" + "".join(lines))
    return read_manifest(path, None, KEY)


grouped = st.lists(
    st.tuples(st.sampled_from(["", "a", "b", "c", "d", "e"]), st.sampled_from(ROLES)),
    min_size=1,
    max_size=40,
)


@given(rows=grouped, fraction=st.floats(0.05, 0.95), seed=st.integers(0, 2**32))
def test_groups_stay_whole_and_both_sides_are_served(tmp_path_factory, rows, fraction, seed):
    clips = clips_of(tmp_path_factory, [(group, "") for group, _ in rows])
    roles = [role for _, role in rows]
    splits = assign_splits(clips, roles, fraction, seed)
    assert set(splits) <= {"train", "test"}
    sides = defaultdict(set)
    holders = defaultdict(set)
    for place, ((group, role), split) in enumerate(zip(rows, splits, strict=True)):
        sides[group or place].add(split)
        holders[role].add(group or place)
    assert all(len(split) == 1 for split in sides.values())
    for role in ("target", "other"):
        if len(holders[role]) > 1:
            served = {split for split, own in zip(splits, roles, strict=True) if own == role}
            assert served == {"train", "test"}
    # Neither the run nor the order of the rows changes where a clip goes.
    reverse = Manifest(*(column[::-1] for column in clips))
    backwards = assign_splits(reverse, roles[::-1], fraction, seed)
    assert backwards[::-1] == splits


@given(rows=grouped, givens=st.lists(st.sampled_from(["", "train", "test"]), min_size=40))
def test_given_splits_are_kept_and_their_groups_follow(tmp_path_factory, rows, givens):
    side_of_group = {}
    given_splits = []
    for (group, _), split in zip(rows, givens, strict=False):
        if group and split:
            split = side_of_group.setdefault(group, split)
        given_splits.append(split)
    clips = clips_of(
        tmp_path_factory,
        [(group, split) for (group, _), split in zip(rows, given_splits, strict=True)],
    )
    splits = assign_splits(clips, [role for _, role in rows], 0.3, 1)
    for (group, _), was_given, split in zip(rows, given_splits, splits, strict=True):
        assert split == (was_given or side_of_group.get(group, split))


@given(
    labels=st.lists(st.sampled_from("abcdef"), min_size=20, max_size=60),
    seed=st.integers(0, 1000),
)
def test_a_clip_more_moves_at_most_two_others(tmp_path_factory, labels, seed):
    # One may change places with the new clip among those of its labels, one among its role's.
    path = tmp_path_factory.mktemp("splits") / "m.csv"
    path.write_text("path,labels\n" + "".join(f"{n}.wav,{own}\n" for n, own in enumerate(labels)))
    clips = read_manifest(path, None, KEY)
    roles = [{"a": "target", "b": "target", "c": "mixed"}.get(own, "other") for own in labels]
    # So many of each that no side has to be served.
    roles[:8] = ["target", "other"] * 4
    fewer = Manifest(*(column[:-1] for column in clips))
    before = assign_splits(fewer, roles[:-1], 0.4, seed)
    after = assign_splits(clips, roles, 0.4, seed)[:-1]
    assert sum(old != new for old, new in zip(before, after, strict=True)) <= 2


@given(
    labels=st.lists(st.sampled_from(["a", "b", "c", "d;e", "d"]), min_size=1, max_size=60),
    fraction=st.floats(0.05, 0.95),
    seed=st.integers(0, 1000),
)
def test_every_set_of_labels_has_its_share_on_the_test_side(
    tmp_path_factory, labels, fraction, seed
):
    path = tmp_path_factory.mktemp("splits") / "m.csv"
    path.write_text("path,labels\n" + "".join(f"{n}.wav,{own}\n" for n, own in enumerate(labels)))
    splits = assign_splits(read_manifest(path, None, KEY), ["other"] * len(labels), fraction, seed)
    everywhere = Counter(labels)
    test = Counter(own for own, split in zip(labels, splits, strict=True) if split == "test")
    for own, n in everywhere.items():
        # A clip may be moved away so that train has some as well.
        assert test[own] >= math.floor(fraction * n) - (test.total() == len(labels) - 1)
    if len(labels) > 1:
        share = round(fraction * len(labels))
        # Halves may be rounded either way.
        assert abs(test.total() - min(max(share, 1), len(labels) - 1)) <= 1


def test_the_share_of_each_role_is_the_fraction(tmp_path_factory):
    clips = clips_of(tmp_path_factory, [("", "")] * 400)
    roles = ["target"] * 100 + ["other"] * 280 + ["mixed"] * 20
    splits = assign_splits(clips, roles, 0.25, 1)
    test = Counter(role for role, split in zip(roles, splits, strict=True) if split == "test")
    assert test == {"target": 25, "other": 70, "mixed": 5}
    assert assign_splits(clips, roles, 0.25, 2) != splits


def test_a_group_too_large_for_the_test_side_stays_in_train(tmp_path_factory):
    clips = clips_of(tmp_path_factory, [("large", "")] * 90 + [("small", "")] * 10)
    for seed in range(10):
        splits = assign_splits(clips, ["other"] * 100, 0.25, seed)
        assert splits == ["train"] * 90 + ["test"] * 10


def test_segments_of_one_recording_lie_on_one_side(tmp_path):
    rows = "".join(
        f"{recording}.wav,x,{start},{start + 5}\n"
        for recording in range(20)
        for start in range(0, 50, 5)
    )
    clips = read(tmp_path, f"path,labels,start_seconds,end_seconds\n{rows}")
    splits = assign_splits(clips, ["other"] * 200, 0.3, 1)
    assert len(set(zip(clips.recordings, splits, strict=True))) == 20
    assert splits.count("test") == 60


def test_addresses_on_the_web_stay_as_they_are_but_for_their_queries(tmp_path):
    manifest = read(
        tmp_path,
        "path,labels\nhttps://a.org/sounds/Big%20dog.wav?k=1,Dog\nHTTP://b.org/x/y.flac,Cat\n"
        "http://c.org/x/y.flac,Cat\nhttp://c.org/,Cat\n",
    )
    assert manifest.paths == manifest.recordings
    assert re.fullmatch(
        r"https://a\.org/sounds/Big%20dog\.wav#query-[0-9a-f]{8}", manifest.paths[0]
    )
    assert manifest.paths[1] == "HTTP://b.org/x/y.flac"
    assert manifest.clip_ids[0] == "Big_20dog"
    # Two of one name are told apart.
    assert all(name.startswith("y_") for name in manifest.clip_ids[1:3])
    assert len(set(manifest.clip_ids)) == 4


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("file:///etc/passwd", "neither a path nor an http"),
        ("ftp://a.org/x.wav", "neither a path nor an http"),
        ("http://", "neither a path nor an http"),
        ("concat://a.wav|b.wav", "neither a path nor an http"),
        ("https://me:secret@a.org/x.wav", "user name"),
    ],
)
def test_other_addresses_are_refused(tmp_path, path, says):
    with pytest.raises(InputError, match=f"line 2: path .*{says}"):
        read(tmp_path, f"path,labels\n{path},Dog\n")
