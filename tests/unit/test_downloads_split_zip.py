"""Zip archives in parts, those of the program zip too."""

import shutil
import subprocess
import zipfile

import numpy as np
import pytest

from music_detectors.common.errors import InputError
from music_detectors.downloads.split_zip import SplitZip
from support.can_run import needs
from support.split_archives import split_archive, write_parts

NOISE = np.random.default_rng(1)
FILES = {
    **{f"set/{k}.wav": NOISE.bytes(30_000) for k in range(9)},
    "set/zeros.wav": bytes(200_000),
    "set/empty.wav": b"",
    "set/ähnlich.csv": "Fuß".encode(),
}


def contents(archive):
    return {member.name: b"".join(archive.content(member)) for member in archive.members()}


@pytest.mark.parametrize("part", [2**14, 2**16, 10**5, 10**9])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_across_parts(tmp_path, part, compression):
    parts = write_parts(tmp_path, "set", split_archive(FILES, part, compression))
    assert (len(parts) == 1) == (part == 10**9)
    assert contents(SplitZip(parts)) == FILES


@pytest.mark.parametrize("options", [[], ["-0"], ["-fz"]], ids=["deflated", "stored", "zip64"])
def test_archives_that_the_program_zip_has_split_are_read(tmp_path, options):
    needs(shutil.which("zip") is not None, "the program zip is not installed")
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    command = ["zip", "-q", "-r", *options, "-s", "64k", "set.zip", "set"]
    subprocess.run(command, cwd=tmp_path, check=True)
    parts = [*sorted(tmp_path.glob("set.z[0-9]*")), tmp_path / "set.zip"]
    assert len(parts) > 4
    assert contents(SplitZip(parts)) == FILES


def test_an_ordinary_archive_is_one_of_a_single_part(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("set")
        archive.writestr("set/a", b"a" * 5000)
        archive.comment = b"a comment"
    assert contents(SplitZip([tmp_path / "set.zip"])) == {"set/a": b"a" * 5000}


def test_a_missing_part_is_named(tmp_path):
    parts = write_parts(tmp_path, "set", split_archive(FILES, 2**16))
    with pytest.raises(InputError, match=r"set\.zip: it is the last of 5 parts, not of 4"):
        SplitZip(parts[1:]).members()


@pytest.mark.parametrize("part", [0, 2])
def test_a_changed_byte_of_a_member_is_found(tmp_path, part):
    parts = write_parts(tmp_path, "set", split_archive(FILES, 2**16))
    content = bytearray(parts[part].read_bytes())
    content[1000] ^= 1
    parts[part].write_bytes(content)
    with pytest.raises(InputError, match=r"set\.zip: set/\d\.wav is damaged; remove the parts"):
        contents(SplitZip(parts))


def test_any_damage_to_the_list_of_members_is_an_error_or_changes_nothing(tmp_path):
    parts = write_parts(tmp_path, "set", split_archive(FILES, 2**16))
    whole = parts[-1].read_bytes()
    begin = whole.index(b"PK\x01\x02")
    found = 0
    for at in NOISE.integers(begin, len(whole), 300):
        content = bytearray(whole)
        content[at] ^= 1 << int(NOISE.integers(8))
        parts[-1].write_bytes(content)
        try:
            # Names, times and attributes have no checksum.
            assert sorted(contents(SplitZip(parts)).values()) == sorted(FILES.values())
        except InputError:
            found += 1
    assert found > 50
    for length in range(0, len(whole), 97):
        parts[-1].write_bytes(whole[:length])
        with pytest.raises(InputError):
            contents(SplitZip(parts))


def test_an_encrypted_member_is_refused(tmp_path):
    parts = write_parts(tmp_path, "set", split_archive({"set/a": b"a"}, 10**6))
    content = bytearray(parts[0].read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    parts[0].write_bytes(content)
    with pytest.raises(InputError, match="set/a is packed in a way that is not read"):
        SplitZip(parts).members()
