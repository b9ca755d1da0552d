"""The ways in which a stored file is damaged."""

import random
import shutil

import h5py

from music_detectors.common.files import checksum_path
from music_detectors.common.sealed import sealed
from support.stored import store

_FLIPS = 6


class Kept:
    """A file and its checksum, which `restore` brings back."""

    def __init__(self, path):
        self.path = path
        self.content = path.read_bytes()
        beside = checksum_path(path)
        self.checksum = beside.read_bytes() if beside.exists() else None

    def restore(self):
        for path, content in ((self.path, self.content), (checksum_path(self.path), self.checksum)):
            remove(path)
            if content is not None:
                path.write_bytes(content)


def remove(path):
    """Remove the file or folder `path`, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def flipped(content, place, bit):
    """Return `content` with one bit changed."""
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    return bytes(changed)


def places(path, content, dataset):
    """Yield places of the file, in an HDF5 file within the stored data of `dataset`."""
    draw = random.Random(f"{path.name} {dataset}")
    if not dataset:
        yield from (0, len(content) - 1)
        yield from (draw.randrange(len(content)) for _ in range(_FLIPS - 2))
        return
    with h5py.File(path) as file:
        stored = file[dataset].id
        for _ in range(_FLIPS):
            chunk = stored.get_chunk_info(draw.randrange(stored.get_num_chunks()))
            yield chunk.byte_offset + draw.randrange(chunk.size)


def few_harms(path, dataset=""):
    """Yield two of `harms`, enough to see that the step that reads the file checks it."""
    content = path.read_bytes()
    place = next(places(path, content, dataset))
    yield f"bit 0 of byte {place}", lambda: path.write_bytes(flipped(content, place, 0))
    yield "another version", lambda: another_version(path)


def harms(path, dataset=""):
    """Yield the names of the harms done to the file at `path`, which is whole before each."""
    kept = Kept(path)
    content = kept.content
    yield "emptied", lambda: path.write_bytes(b"")
    for length in (1, len(content) // 2, len(content) - 1):
        yield f"cut to {length}", lambda length=length: path.write_bytes(content[:length])
    yield "a block of zeros", lambda: path.write_bytes(zeroed(content, path, dataset))
    for place in places(path, content, dataset):
        bit = place % 8
        yield (
            f"bit {bit} of byte {place}",
            lambda place=place, bit=bit: path.write_bytes(flipped(content, place, bit)),
        )
    yield "a folder", lambda: (path.unlink(), path.mkdir(), (path / "a").write_text("b"))
    yield "another version", lambda: another_version(path)
    if kept.checksum is not None:
        beside = checksum_path(path)
        yield "checksum changed", lambda: beside.write_bytes(flipped(kept.checksum, 5, 0))


def zeroed(content, path, dataset):
    """Return `content` with zeros in place of a block (in an HDF5 file, a whole chunk)."""
    start, size = len(content) // 3, 4096
    if dataset:
        with h5py.File(path) as file:
            chunk = file[dataset].id.get_chunk_info(0)
        start, size = chunk.byte_offset, chunk.size
    size = min(size, len(content) - start)
    return content[:start] + bytes(size) + content[start + size :]


def another_version(path):
    """Make the file one that an older or newer version of the workflow would have written."""
    content = path.read_bytes()
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            file.attrs["schema_version"] += 1
    elif path.suffix == ".safetensors":
        newer = content.replace(b'schema_version\\": 2', b'schema_version\\": 3')
        assert newer != content
        place = newer.index(b'file_sha256\\": \\"') + len(b'file_sha256\\": \\"')
        path.write_bytes(sealed(newer[:place] + b"0" * 64 + newer[place + 64 :]))
    elif path.suffix == ".tsv":
        header, _, rows = content.partition(b"\n")
        older = b"\t".join(name + b"_before" for name in header.split(b"\t"))
        store(path, older + b"\n" + rows)
    else:
        store(path, b"GIF89a" + content[6:])
