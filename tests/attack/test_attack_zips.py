"""Zips of probe sets by a stranger: damaged ones, and bombs."""

import random
import struct
import zipfile

import pytest

from attack.limits import ROUNDS, bounded, mutated
from music_detectors.common.errors import InputError
from music_detectors.probes.places import MOST_BYTES, open_zip

KINDS = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}
WORDS = [b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"\xff" * 4, bytes(4), b"../", b"/"]
FILES = {f"set/{k}.wav": random.Random(k).randbytes(50 * k) + b"\0" * 300 for k in range(6)}


def zipped(path, kind, files):
    with zipfile.ZipFile(path, "w", kind) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def contents(path):
    with open_zip(path) as place:
        return {name: place.read(name) for name in place.names}


@pytest.mark.parametrize("kind", KINDS)
def test_random_damage_is_one_line_or_changes_no_content(tmp_path, kind):
    path = zipped(tmp_path / "x.zip", KINDS[kind], FILES)
    whole, draw = path.read_bytes(), random.Random(kind)
    assert contents(path) == FILES

    def attack():
        refused = 0
        for _ in range(300 * ROUNDS):
            path.write_bytes(mutated(draw, whole, WORDS))
            try:
                found = contents(path)
            except InputError as error:
                refused += 1
                assert str(error).isprintable() and len(str(error)) <= 2000
            else:
                # Names may differ, and files may be lost; what is read has its checksum.
                assert set(found.values()) <= {*FILES.values(), b""}
        return refused

    assert bounded(attack, seconds=60 * ROUNDS) > 100


def test_a_file_that_decompresses_without_end_is_refused(tmp_path):
    path = zipped(tmp_path / "x.zip", zipfile.ZIP_DEFLATED, {"a.wav": bytes(3 * MOST_BYTES)})
    assert path.stat().st_size < 2**20
    with pytest.raises(InputError, match=r"a\.wav in it is larger than 128 MiB"):
        bounded(contents, path, seconds=60, megabytes=600)


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_that_knows_no_limit_is_refused(tmp_path, kind):
    path = zipped(tmp_path / "x.zip", kind, {"a.wav": bytes(3 * MOST_BYTES)})
    with pytest.raises(InputError, match=r"holds a file that is neither stored nor deflated"):
        bounded(contents, path, seconds=20, megabytes=60)


def test_a_size_that_the_zip_understates_is_no_way_around_the_limit(tmp_path):
    path = zipped(tmp_path / "x.zip", zipfile.ZIP_DEFLATED, {"a.wav": bytes(2 * MOST_BYTES)})
    size = struct.pack("<I", 2 * MOST_BYTES)
    path.write_bytes(path.read_bytes().replace(size, struct.pack("<I", 100)))
    with pytest.raises(InputError, match=r"a\.wav in it is damaged"):
        bounded(contents, path, seconds=60, megabytes=600)
