"""Tar archives by a stranger: endless, enormous, cut and damaged ones."""

import io
import os
import random
import tarfile

import pytest

from attack.limits import ROUNDS, bounded
from music_detectors.audio.archives import index_archives
from music_detectors.audio.columns import ARCHIVES
from music_detectors.audio.tar import tar_members
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table

N = 100
NOT_COMPLETE = r"a\.tar: not a complete, uncompressed tar archive \({}.*; fetch it again, or"


def header(name="x.wav", size=0, kind=tarfile.REGTYPE, size_field=None):
    """A header block with a correct checksum."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    if size_field is not None:
        block[124:136] = size_field
        block[148:156] = b" " * 8
        block[148:155] = b"%06o\0" % sum(block)
    return bytes(block)


def padded(content):
    return content + bytes(-len(content) % 512)


def extension(kind, content):
    return header("@", len(content), kind) + padded(content)


def record(keyword, value):
    line = b" %s=%s\n" % (keyword, value)
    length = len(line)
    while len(b"%d" % length) + len(line) != length:
        length = len(b"%d" % length) + len(line)
    return b"%d%s" % (length, line)


END = bytes(1024)
NEGATIVE = (2**96 - 512).to_bytes(12, "big")
ENDLESS = {
    "negative size": header(size_field=NEGATIVE) + END,
    "negative size of an extension": header(kind=b"x", size_field=NEGATIVE) + END,
    "two million digits": extension(b"x", b"9" * 2_000_000) + header() + END,
    "a million digits": extension(b"x", b"9" * 1_000_000) + header() + END,
    "a size of a hundred thousand digits": extension(b"x", record(b"size", b"9" * 100_000))
    + header()
    + END,
    "a record of no length": extension(b"x", b"0 path=x\n" * 1000) + header() + END,
    "5000 extension headers": 5000 * extension(b"x", record(b"comment", b"z")) + header() + END,
    "5000 long names": 5000 * extension(b"L", b"x.wav\0") + header() + END,
    "5000 global headers": 5000 * extension(b"g", record(b"comment", b"z")) + header() + END,
    "a name for all members": extension(b"g", record(b"path", b"x.wav")) + header() + END,
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_an_archive_without_end_is_refused_in_time_and_memory(tmp_path, kind):
    (tmp_path / "a.tar").write_bytes(ENDLESS[kind])
    with pytest.raises(InputError, match=NOT_COMPLETE.format("")):
        bounded(index_archives, [tmp_path / "a.tar"], tmp_path / "i.tsv", seconds=10, megabytes=60)
    assert not (tmp_path / "i.tsv").exists()


@pytest.mark.parametrize("kind", [b"x", b"g", b"L", b"K"])
def test_an_extension_header_of_gigabytes_is_not_read(tmp_path, kind):
    size = 3 << 30
    with open(tmp_path / "a.tar", "wb") as file:
        file.write(header("@", size, kind))
        file.truncate(512 + size)
        file.seek(0, os.SEEK_END)
        file.write(header() + END)
    with pytest.raises(InputError, match=NOT_COMPLETE.format("an extension header of 3221225472")):
        bounded(index_archives, [tmp_path / "a.tar"], tmp_path / "i.tsv", seconds=10, megabytes=60)


def test_zeros_without_end_after_an_archive_are_not_read(tmp_path):
    (tmp_path / "a.tar").write_bytes(header() + END)
    os.truncate(tmp_path / "a.tar", 1 << 40)
    with pytest.raises(InputError, match=NOT_COMPLETE.format("more content after the end")):
        bounded(index_archives, [tmp_path / "a.tar"], tmp_path / "i.tsv", seconds=10, megabytes=60)


def test_a_pipe_in_place_of_an_archive_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.tar")
    with pytest.raises(InputError, match=r"a\.tar: not a file; leave it out of audio\.archives"):
        bounded(index_archives, [tmp_path / "a.tar"], tmp_path / "i.tsv", seconds=10)


def test_a_name_of_a_megabyte_is_refused_and_shortened(tmp_path):
    name = b"x" * 1_000_000 + b"/x.wav\0"
    (tmp_path / "a.tar").write_bytes(extension(b"L", name) + header() + END)
    index_archives([tmp_path / "a.tar"], tmp_path / "i.tsv")
    table = read_table(tmp_path / "i.tsv", ARCHIVES)
    assert table["refused"].tolist() == ["unreadable name"]
    assert len(table["member"][0]) <= 300


@pytest.fixture(scope="module")
def whole():
    """An archive of N members of 700 bytes, as GNU tar and Python write it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for k in range(N):
            info = tarfile.TarInfo(f"{'a' if k % 10 else 'ä'}/{k:011d}.wav")
            info.size = 700
            tar.addfile(info, io.BytesIO(bytes([k]) * 700))
    return made.getvalue()


def headers_of(archive):
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return [(member.offset, member.offset_data) for member in tar]


def indexed(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    index_archives([tmp_path / "a.tar"], tmp_path / "i.tsv")
    return list(read_table(tmp_path / "i.tsv", ARCHIVES).itertuples(index=False, name=None))


def test_the_whole_archive_has_all_members(tmp_path, whole):
    rows = indexed(tmp_path, whole)
    assert [row[3] for row in rows] == [data for _, data in headers_of(whole)]
    assert {(row[4], row[5]) for row in rows} == {(700, "")}


def flip(content, place, bit=0):
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def zero(content, start, length=512):
    return content[:start] + bytes(length) + content[start + length :]


DAMAGE = {
    f"{what} of member {k}": (k, harm)
    for k in (0, 5, 50, 99)
    for what, harm in {
        "cut before the header": lambda content, start, data: content[:start],
        "cut in the header": lambda content, start, data: content[: data - 300],
        "cut in the content": lambda content, start, data: content[: data + 9],
        "bit flipped in the name": lambda content, start, data: flip(content, data - 512 + 9),
        "bit flipped in the size": lambda content, start, data: flip(content, data - 512 + 130),
        "bit flipped in the type": lambda content, start, data: flip(content, data - 512 + 156),
        "header zeroed": lambda content, start, data: zero(content, data - 512),
        "all zeroed": lambda content, start, data: zero(content, start, data - start + 1024),
    }.items()
    # The zeros of a last member would be those after the end.
    if (k, what) != (99, "all zeroed")
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_cut_or_damaged_archive_is_refused_as_a_whole(tmp_path, whole, kind):
    member, harm = DAMAGE[kind]
    with pytest.raises(InputError, match=NOT_COMPLETE.format("")):
        indexed(tmp_path, harm(whole, *headers_of(whole)[member]))
    assert not (tmp_path / "i.tsv").exists()


def test_an_archive_needs_its_two_blocks_of_zeros(tmp_path, whole):
    end = headers_of(whole)[-1][1] + 1024
    assert len(indexed(tmp_path, whole[: end + 1024])) == N
    for cut in (end, end + 512, end + 1023):
        with pytest.raises(InputError, match=NOT_COMPLETE.format("the file ends before the two")):
            indexed(tmp_path, whole[:cut])


def test_two_archives_joined_to_one_file_are_refused(tmp_path, whole):
    with pytest.raises(InputError, match=NOT_COMPLETE.format("more content after the end")):
        indexed(tmp_path, whole + whole)


def test_random_damage_is_refused_or_changes_nothing_but_names_in_extensions(whole):
    """Bits, bytes, zeros, cuts and moved pieces anywhere; contents have no checksum in tar."""

    def members(content):
        found = tar_members(io.BytesIO(content), len(content))
        return [member for member in found if member.name.endswith(".wav")]

    rows = members(whole)
    draw = random.Random(1)

    def attack():
        refused = 0
        for _ in range(2000 * ROUNDS):
            place, other = draw.randrange(len(whole)), draw.randrange(len(whole))
            length = draw.choice([1, 2, 12, 512, 5000])
            content = draw.choice(
                [
                    lambda p, o, n: flip(whole, p, draw.randrange(8)),
                    lambda p, o, n: whole[:p] + draw.randbytes(n) + whole[p + n :],
                    lambda p, o, n: zero(whole, p, n),
                    lambda p, o, n: whole[:p],
                    lambda p, o, n: whole[:p] + whole[p + n :],
                    lambda p, o, n: whole[:p] + whole[o : o + n] + whole[p:],
                ]
            )(place, other, length)
            try:
                found = members(content)
            except (ValueError, tarfile.HeaderError):
                refused += 1
            else:
                # Positions and sizes do not change, but the names in extension headers may, so that
                # they are no sound files; zeros to the end are the end.
                cut = found and not any(content[found[-1].offset + 1024 :])
                last = found[-1].offset if cut else len(content)
                plain = {row[1:3] for k, row in enumerate(rows) if k % 10 and row.offset <= last}
                places = [row[1:3] for row in found]
                assert plain <= set(places)
                assert places == [row[1:3] for row in rows if row[1:3] in places]
        return refused

    assert bounded(attack, seconds=60 * ROUNDS, megabytes=200) > 500 * ROUNDS
