"""Files that only corpora of recordings have: the index of archives, and copies of metadata."""

import io
import re
import tarfile

import pytest

from damage.harm import Kept, harms
from music_detectors.audio.archives import ArchiveSource, index_archives
from music_detectors.audio.clips import Clip
from music_detectors.common.errors import InputError
from music_detectors.corpus.build import make_corpus
from music_detectors.probes.read import read_probe
from music_detectors.probes.settings import probe_sets
from support.probe_sets import files, write_zip
from support.stored import store


def index(folder):
    with tarfile.open(folder / "a.tar", "w") as tar:
        for k in range(50):
            member = tarfile.TarInfo(f"audio/x{k}.wav")
            member.size = 4
            tar.addfile(member, io.BytesIO(b"RIFF"))
    path = folder / "archives.tsv"
    index_archives([folder / "a.tar"], path)
    return path


def read_index(path):
    ArchiveSource(path, [Clip("x7_0.000", "audioset", "x7", 0.0, 2.0, ("/m/a",))], 2.0, None)


def copy(folder):
    path = folder / "class_labels_indices.csv"
    store(path, b"index,mid,display_name\n" + b'0,/m/09x0r,"Speech"\n' * 40)
    return path


def read_copy(path):
    make_corpus({}, 1, {}, [path], *(path.parent / f"{name}.tsv" for name in "abcd"))


def probe_set(path):
    settings = {"categories": "categories.csv", "target": ["Music"]}
    zipped = {**settings, "zip": f"https://example.org/{path.name}"}
    return probe_sets({"mine": zipped}, {"music": "Music"})["mine"]


def download(folder):
    path = folder / "sounds.zip"
    store(path, write_zip(folder / "published.zip", files()).read_bytes())
    return path


def read_download(path):
    outputs = (path.parent / name for name in ("sounds.h5", "sounds.tsv", "references.tsv"))
    read_probe(probe_set(path), path, *outputs, clip_seconds=2, seed=None, ffmpeg=None)


@pytest.mark.parametrize(
    ("make", "read"), [(index, read_index), (copy, read_copy), (download, read_download)]
)
def test_damage_is_found_at_the_first_read(tmp_path, make, read):
    path = make(tmp_path)
    kept = Kept(path)
    tried = 0
    for name, harm in harms(path):
        # A copy of another's file has no version of ours.
        if make in (copy, download) and name == "another version":
            continue
        harm()
        tried += 1
        try:
            with pytest.raises(InputError) as raised:
                read(path)
        finally:
            kept.restore()
        assert re.fullmatch(
            rf"{re.escape(str(path))}: damaged [a-z ]+ \([^\n]+\); rebuild (it|them): "
            r"rm -r [^\n]+?, then the same command again(; or, if you edited it, [^\n]+)?",
            str(raised.value),
        ), name
    assert tried > 10
