"""Tables of categories and of reference profiles, right and wrong."""

import io

import numpy as np
import pytest
from scipy import io as matlab

from music_detectors.common.errors import InputError
from music_detectors.probes.tables import check_targets, read_categories, read_reference
from support.probe_sets import CATEGORIES, COMPONENTS, TARGET, mat, table

SOUNDS = list(CATEGORIES)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("published.csv", table()),
        ("with_header.csv", b"Sound,Category\r\n" + table().replace(b"\n", b"\r\n")),
        ("tabs.tsv", b"\xef\xbb\xbf" + table().replace(b",", b"\t") + b"\n\n"),
        (
            "quoted.csv",
            b"".join(b'"%s"\n' % line.replace(b",", b'","') for line in table().split()),
        ),
    ],
)
def test_a_table_of_categories_is_read_with_or_without_header(name, content):
    assert read_categories(content, name) == CATEGORIES


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"rain,Nature\nwind,\n", r"line 2: 'wind' has no category"),
        (b"rain,Nature\n,Nature\n", r"line 2: 'Nature' has no sound"),
        (b"rain,Nature\nwind\n", r"line 2: has 1 columns, not two"),
        (b"rain,Nature,loud\n", r"line 1: has 3 columns, not two"),
        (b"rain,Nature\nrain,Music\n", r"line 2: sound rain occurs twice"),
        ("règn,Nature\n".encode(), r"line 1: the name of sound .* must be plain ASCII"),
        (b"sound,category\n", r"lists no sound"),
        (b"", r"lists no sound"),
        (b"rain,\xff\n", r"not UTF-8 text"),
        (b'rain,"Nature\n', r"is no table that can be read"),
    ],
)
def test_a_wrong_table_of_categories_is_one_line(content, says):
    with pytest.raises(InputError, match=f"^categories.csv.*{says}") as raised:
        read_categories(content, "categories.csv")
    assert "\n" not in str(raised.value)


def test_a_category_of_the_target_without_sounds_is_named():
    check_targets(CATEGORIES, TARGET, "target")
    with pytest.raises(InputError, match=r"no sound has the category 'Songs'.*did you mean 'Song'"):
        check_targets(CATEGORIES, {"Music": ["Music", "Songs"]}, "probes.mine.target")


def test_other_sounds_must_be_left():
    with pytest.raises(InputError, match=r"every sound is in a category of the target"):
        check_targets(CATEGORIES, {"Music": sorted(set(CATEGORIES.values()))}, "target")


def test_a_matlab_file_is_read_in_the_order_of_the_sounds():
    mixed = SOUNDS[::-1]
    read = read_reference(mat(mixed, seed=3), "components.mat", SOUNDS)
    planted = np.random.default_rng(3).standard_normal((len(SOUNDS), len(COMPONENTS)))
    assert (read.sounds, read.components) == (SOUNDS, COMPONENTS)
    np.testing.assert_array_equal(read.responses, planted[::-1])


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_a_table_of_profiles_is_read_in_the_order_of_the_sounds(delimiter):
    lines = [["sound", "first", "second"]]
    lines += [[sound, f"{place}.5", f"-{place}"] for place, sound in enumerate(SOUNDS)]
    lines[1:] = lines[:0:-1]
    content = "".join(delimiter.join(line) + "\n" for line in lines).encode()
    read = read_reference(content, "profiles.tsv" if delimiter == "\t" else "profiles.csv", SOUNDS)
    assert read.components == ["first", "second"]
    np.testing.assert_array_equal(read.responses, [[k + 0.5, -k] for k in range(len(SOUNDS))])


def matlab_file(**variables):
    file = io.BytesIO()
    matlab.savemat(file, variables)
    return file.getvalue()


def nan_mat():
    values = np.zeros((len(SOUNDS), 2))
    values[1, 1] = np.nan
    return mat(SOUNDS, R=values)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no MATLAB file at all", r"is no MATLAB 5 file"),
        (b"", r"is no MATLAB 5 file"),
        (b"MATLAB 7.3 MAT-file" + bytes(105) + b"\x00\x02IM" + bytes(400), r"is no MATLAB 5 file"),
        (mat(SOUNDS)[:-40], r"is no MATLAB 5 file"),
        (matlab_file(R=np.zeros((6, 2))), r"has no variable component_names"),
        (mat(SOUNDS[1:]), r"R is 5 x 2, but the probe set has 6 sounds"),
        (mat([*SOUNDS, "thunder"]), r"R is 7 x 2, but the probe set has 6 sounds"),
        (mat(SOUNDS, R=np.zeros((6, 3))), r"component_names is 2 x 1, but R is 6 x 3"),
        (mat(SOUNDS, R=np.zeros((6, 2, 2))), r"R is 6 x 2 x 2, but"),
        (mat([*SOUNDS[1:], "thunder"]), r"has no profile of sound flute"),
        (mat([*SOUNDS[1:], "Flute"]), r"has no profile of sound flute; did you mean 'Flute'"),
        (mat([*SOUNDS[:-1], SOUNDS[0]]), r"sound 'flute' occurs twice"),
        (mat(SOUNDS, ["music", "music"]), r"component 'music' occurs twice"),
        (mat(SOUNDS, R=np.array([["x", "y"]] * 6, dtype=object)), r"is no MATLAB 5 file"),
        (nan_mat(), r"the response of music to drum is no finite number"),
    ],
)
def test_wrong_reference_profiles_are_one_line(content, says):
    with pytest.raises(InputError, match=f"^components.mat: .*{says}") as raised:
        read_reference(content, "components.mat", SOUNDS)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"flute,1,2\n", r"its first line must be a header"),
        (b"sound\nflute\n", r"its first line must be a header"),
        (b"sound,music\nflute,loud\n", r"line 2: 'loud' is not a number in plain digits"),
        (b"sound,music\nflute,1_0\n", r"line 2: '1_0' is not a number in plain digits"),
        (b"sound,music\nflute,nan\n", r"line 2: 'nan' is not a number in plain digits"),
        (b"sound,music,pitch\nflute,1\n", r"line 2: has 1 responses for 2 components"),
        (b"sound,music\nflute,1\n", r"has no profile of sound drum"),
    ],
)
def test_a_wrong_table_of_profiles_is_one_line(content, says):
    with pytest.raises(InputError, match=f"^profiles.csv.*{says}"):
        read_reference(content, "profiles.csv", SOUNDS)


def test_large_arrays_are_refused_before_they_are_read():
    # A thousand times as many rows as sounds, compressed to almost nothing.
    content = mat(SOUNDS, R=np.zeros((6_000, 2)))
    assert len(content) < 2**12
    with pytest.raises(InputError, match=r"R is 6000 x 2"):
        read_reference(content, "components.mat", SOUNDS)
