"""Files of probe sets in folders and zips, and zips that are refused."""

import io
import stat
import zipfile

import pytest

from music_detectors.common.errors import InputError
from music_detectors.probes import places
from music_detectors.probes.places import Folder, find, find_all, open_zip


def zipped(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def refused(path):
    with pytest.raises(InputError) as raised, open_zip(path):
        pass
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.fixture(params=["folder", "zip"])
def place(request, tmp_path):
    content = {
        "a/rain.wav": b"rain",
        "b/rain.wav": b"rain",
        "b/wind.wav": b"wind",
        "b/wind.flac": b"another wind",
        "b/wind.txt": b"about it",
        "notes/list.csv": b"list",
        ".hidden/talk.wav": b"no",
    }
    if request.param == "zip":
        with open_zip(zipped(tmp_path / "a.zip", **content)) as opened:
            yield opened
    else:
        for name, of_file in content.items():
            (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "set" / name).write_bytes(of_file)
        yield Folder(tmp_path / "set", "probes.mine.folder")


def test_files_are_found_by_path_by_name_and_without_ending(place):
    assert find(place, "list.csv") == "notes/list.csv"
    found = find_all(place, ["b/wind.wav", "wind.flac", "rain"])
    assert found == {"b/wind.wav": "b/wind.wav", "wind.flac": "b/wind.flac", "rain": "a/rain.wav"}
    assert place.read("b/wind.flac") == b"another wind"


def test_a_missing_file_is_named(place):
    with pytest.raises(InputError, match=r"has no file talk"):
        find_all(place, ["rain", "talk"])


def test_different_files_of_one_name_are_refused(place):
    with pytest.raises(InputError, match=r"b/wind\.flac and b/wind\.wav are different files"):
        find_all(place, ["wind"])


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"probes\.mine\.folder is .*there is no such folder"):
        Folder(tmp_path / "none", "probes.mine.folder")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../out.wav", "a name that leads out of its folder"),
        ("a/../../out.wav", "a name that leads out of its folder"),
        ("a\\..\\out.wav", "a name that leads out of its folder"),
        ("/etc/rain.wav", "an absolute name"),
        ("C:\\rain.wav", "an absolute name"),
        ("a\nb.wav", "control characters"),
    ],
)
def test_a_zip_with_a_dangerous_name_is_refused(tmp_path, name, says):
    assert says in refused(zipped(tmp_path / "a.zip", **{"rain.wav": b"rain", name: b"out"}))


@pytest.mark.parametrize(
    ("kind", "says"), [(stat.S_IFLNK, "a link"), (stat.S_IFIFO, "a file of a special kind")]
)
def test_a_zip_with_a_link_or_a_pipe_is_refused(tmp_path, kind, says):
    member = zipfile.ZipInfo("rain.wav")
    member.create_system, member.external_attr = 3, (kind | 0o644) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(member, "/etc/passwd")
    assert says in refused(tmp_path / "a.zip")


def test_a_zip_with_encrypted_files_is_refused(tmp_path):
    content = bytearray(zipped(tmp_path / "a.zip", rain=b"rain").read_bytes())
    # The flags of the file in the central directory.
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    assert "an encrypted file" in refused(tmp_path / "a.zip")


def test_what_is_no_zip_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"<html>not found</html>")
    assert "is no zip that can be read" in refused(tmp_path / "a.zip")
    whole = zipped(tmp_path / "b.zip", rain=b"rain" * 1000).read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[: len(whole) // 2])
    assert "is no zip that can be read" in refused(tmp_path / "b.zip")


def test_a_zip_with_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "_MOST_FILES", 2)
    path = zipped(tmp_path / "a.zip", a=b"", b=b"", c=b"")
    assert "holds 3 files, more than 2" in refused(path)


def test_a_bomb_is_read_only_up_to_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "MOST_BYTES", 2**20)
    path = zipped(tmp_path / "a.zip", **{"rain.wav": bytes(2**24)})
    assert path.stat().st_size < 2**16
    asked = []
    read = zipfile.ZipExtFile.read
    monkeypatch.setattr(
        zipfile.ZipExtFile, "read", lambda file, n=-1: asked.append(n) or read(file, n)
    )
    with open_zip(path) as place, pytest.raises(InputError, match=r"rain\.wav.*larger than 1 MiB"):
        place.read("rain.wav")
    assert asked == [2**20 + 1]


def test_a_damaged_file_in_a_zip_is_named(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("rain.wav", b"rain" * 100)
    content = file.getvalue().replace(b"rainrain", b"rainRAIN", 1)
    (tmp_path / "a.zip").write_bytes(content)
    with open_zip(tmp_path / "a.zip") as place, pytest.raises(InputError, match=r"rain\.wav in it"):
        place.read("rain.wav")
