"""Tar archives: their index, reading in place, malicious members, and mirrors of AudioSet."""

import gzip
import io
import os
import tarfile

import numpy as np
import pytest

from music_detectors.audio.archive_paths import archive_paths
from music_detectors.audio.archives import ArchiveSource, index_archives
from music_detectors.audio.clips import Clip
from music_detectors.audio.columns import ARCHIVES, STATUS
from music_detectors.audio.decode import decode
from music_detectors.audio.failures import Unusable
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.shard import decode_shard
from music_detectors.audio.storage import read_audio_shard
from music_detectors.common.errors import InputError
from music_detectors.common.tables import read_table
from support.recordings import audio_settings, noise, record, write_clips

RATE = 22_050
YTID = "-a_30.000_b"


def of_audioset(ytid=YTID, start=30.0, end=32.0):
    return Clip(f"{ytid}_{start:.3f}", "audioset", ytid, start, end, ("/m/a",))


def add(tar, name, content=b"", **more):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in more.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(content))


def opened(tmp_path, *clips, archives=("a.tar",), clip_seconds=2.0):
    index = tmp_path / "archives.tsv"
    index_archives([tmp_path / name for name in archives], index)
    return ArchiveSource(index, clips, clip_seconds, None)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Return the bytes of a sound of 2 s in every format, by file extension."""
    folder = tmp_path_factory.mktemp("sounds")
    made = {}
    for ending in ("flac", "wav", "wav.gz", "ogg", "m4a", "webm"):
        made[ending] = record(folder / f"x.{ending}", noise(2, RATE), RATE).read_bytes()
    return made


@pytest.mark.parametrize("ending", ["flac", "wav", "wav.gz", "ogg", "m4a", "webm"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_member_is_decoded_like_a_file(tmp_path, sounds, ending, form):
    names = [f"audio/bal_train/{'deep/' * 30}x{k}.{ending}" for k in range(3)]
    if form == tarfile.USTAR_FORMAT:
        names = [name.replace("deep/" * 30, "") for name in names]
    with tarfile.open(tmp_path / "a.tar", "w", format=form) as tar:
        add(tar, "audio/", type=tarfile.DIRTYPE)
        for k, name in enumerate(names):
            add(tar, name.replace(f"x{k}", f"id{k}"), sounds[ending])
        add(tar, "audio/README.txt", b"hello")
    source = opened(tmp_path, *(of_audioset(f"id{k}", 0.0, 2.0) for k in range(3)))
    (tmp_path / f"x.{ending}").write_bytes(sounds[ending])
    for start, end in ((0.0, 2.0), (0.0, 0.5)):
        expected = decode(tmp_path / f"x.{ending}", start, end - start)
        found = source.read(of_audioset("id1", start, end))
        np.testing.assert_array_equal(found.samples, expected.samples)
        assert found.decoder == expected.decoder
    assert {"a.tar", "archives.tsv", ".archives.tsv.recordings", f"x.{ending}"} == {
        name for name in os.listdir(tmp_path) if not name.endswith(".sha256")
    }, "not unpacked"


@pytest.mark.parametrize("ending", ["flac", "m4a"])
def test_a_part_of_a_member_is_read_by_seeking(tmp_path, sounds, ending):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "other.flac", b"z" * 5000)
        add(tar, f"{YTID}.{ending}", sounds[ending])
    (tmp_path / f"x.{ending}").write_bytes(sounds[ending])
    found = opened(tmp_path, of_audioset()).read(of_audioset(start=1.0, end=1.25))
    expected = decode(tmp_path / f"x.{ending}", 1.0, 0.25)
    np.testing.assert_array_equal(found.samples, expected.samples)


@pytest.mark.parametrize(
    "name",
    [
        f"{YTID}.flac",
        f"audio/bal_train/{YTID}.flac",
        f"Y{YTID}.flac",
        f"{YTID}_30.000.flac",
        f"x/Y{YTID}_30000.flac",
    ],
)
def test_members_have_the_same_names_as_files(tmp_path, sounds, name):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, name, sounds["flac"])
        add(tar, f"{YTID}x.flac", b"")
        add(tar, f"{YTID[1:]}.flac", b"")
    found = opened(tmp_path, of_audioset()).read(of_audioset())
    assert len(found.samples) == 2 * SAMPLE_RATE
    with pytest.raises(Unusable) as caught:
        opened(tmp_path, of_audioset("nobody")).read(of_audioset("nobody"))
    assert (caught.value.status, caught.value.reason) == ("missing", "not in the archives")


def test_identical_copies_are_accepted_and_different_files_are_ambiguous(tmp_path, sounds):
    for name, content in (("a.tar", sounds["flac"]), ("b.tar", sounds["flac"])):
        with tarfile.open(tmp_path / name, "w") as tar:
            add(tar, f"{YTID}.flac", content)
    both = opened(tmp_path, of_audioset(), archives=("a.tar", "b.tar"))
    assert len(both.read(of_audioset()).samples) == 2 * SAMPLE_RATE
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        add(tar, f"{YTID}.wav", sounds["wav"])
    with pytest.raises(Unusable) as caught:
        opened(tmp_path, of_audioset(), archives=("a.tar", "b.tar")).read(of_audioset())
    assert caught.value.status == "ambiguous"
    assert f"a.tar:{YTID}.flac" in caught.value.message


HOSTILE = {
    "symbolic link": ("link", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
    "hard link": ("link", {"type": tarfile.LNKTYPE, "linkname": "../../secret.wav"}),
    "character device": ("device", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5}),
    "block device": ("device", {"type": tarfile.BLKTYPE, "devmajor": 8}),
    "pipe": ("device", {"type": tarfile.FIFOTYPE}),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_links_and_devices_are_refused(tmp_path, kind):
    refused, header = HOSTILE[kind]
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, f"{YTID}.wav", **header)
    with pytest.raises(Unusable) as caught:
        opened(tmp_path, of_audioset()).read(of_audioset())
    assert (caught.value.status, caught.value.reason) == (
        "unavailable",
        f"{refused} in an archive",
    )


@pytest.mark.parametrize("name", ["/root/{}.wav", "../{}.wav", "a/../../{}.wav", "..\\{}.wav"])
def test_members_whose_path_leads_out_of_the_archive_are_refused(tmp_path, sounds, name):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, name.format(YTID), sounds["wav"])
    source = opened(tmp_path, of_audioset())
    table = read_table(tmp_path / "archives.tsv", ARCHIVES)
    assert table["refused"].tolist() == ["path out of the archive"]
    with pytest.raises(Unusable) as caught:
        source.read(of_audioset())
    # With a backslash it is not a name of the clip at all.
    assert caught.value.status in ("unavailable", "missing")


def test_line_breaks_and_quotes_in_names_do_not_break_the_table(tmp_path, sounds):
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        add(tar, f'x\n"\t\x1b[31m/{YTID}.wav', sounds["wav"])
        add(tar, f"quo\"ted'/{YTID}_30.000.wav", sounds["wav"])
    source = opened(tmp_path, of_audioset())
    table = read_table(tmp_path / "archives.tsv", ARCHIVES)
    assert table["refused"].tolist() == ["unreadable name", ""]
    assert table["member"].map(str.isprintable).all()
    assert len(source.read(of_audioset()).samples) == 2 * SAMPLE_RATE


def test_an_incomplete_archive_is_refused(tmp_path, sounds):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, f"{YTID}.wav", sounds["wav"])
    whole = (tmp_path / "a.tar").read_bytes()
    broken = {
        "cut": whole[: 512 + len(sounds["wav"]) // 2],
        "gzip": gzip.compress(whole),
        "text": b"<html>not found</html>" * 100,
        "nothing": b"",
        "size": whole[:124] + b"77777777777\0" + whole[136:],
    }
    for name, content in broken.items():
        (tmp_path / "a.tar").write_bytes(content)
        with pytest.raises(InputError, match=r"a\.tar: not a complete, uncompressed tar archive"):
            index_archives([tmp_path / "a.tar"], tmp_path / "i.tsv")
        assert not (tmp_path / "i.tsv").exists(), name
    with pytest.raises(InputError, match="cannot be read"):
        index_archives([tmp_path / "none.tar"], tmp_path / "i.tsv")


def test_a_removed_archive_is_an_input_error(tmp_path, sounds):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, f"{YTID}.wav", sounds["wav"])
    source = opened(tmp_path, of_audioset())
    (tmp_path / "a.tar").unlink()
    with pytest.raises(InputError, match=r"a\.tar.*gone"):
        source.read(of_audioset())


def test_archives_are_files_folders_or_patterns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.makedirs("mirror/deep[1]")
    for name in ("mirror/b.tar", "mirror/deep[1]/a.tar", "one.tar", "mirror/x.txt"):
        open(name, "w").close()
    both = ["mirror/b.tar", "mirror/deep[1]/a.tar"]
    assert archive_paths(["mirror"]) == both
    assert archive_paths(["mirror/*.tar", "one.tar"]) == ["mirror/b.tar", "one.tar"]
    assert archive_paths(["one.tar", "mirror/**/*.tar", "mirror"]) == ["one.tar", *both]
    with pytest.raises(InputError, match=r"audio\.archives names 'none'"):
        archive_paths(["none"])
    open("packed.tar.gz", "w").close()
    with pytest.raises(InputError, match=r"packed\.tar\.gz cannot be read in place; decompress"):
        archive_paths(["packed.tar.gz"])


def test_a_mirror_split_between_folder_and_archives(tmp_path, sounds):
    """Cut segments and whole videos, in files and archives, some of them twice."""
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    long = noise(40, 8_000, seed=1)
    ids = {name: f"{name:_>11}" for name in ("cut", "whole", "tarred", "both", "none", "odd")}
    ids["dash"] = "-dash______"
    ids["bad"] = "bad________"
    record(folder / f"{ids['cut']}_30000.wav", noise(2, RATE), RATE)
    record(folder / "deep" / f"Y{ids['whole']}.wav", long, 8_000)
    record(folder / f"{ids['both']}.flac", noise(2, RATE, seed=2), RATE)
    record(folder / f"{ids['odd']}.wav", noise(20, 8_000), 8_000)
    (folder / f"{ids['bad']}.wav").touch()
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("tarred", "both", "dash", "bad"):
            add(tar, f"audio/eval/{ids[name]}.flac", sounds["flac"])
    clips = [
        {
            "clip_id": name,
            "reference": ytid,
            "source": "audioset",
            "start_seconds": 30.0,
            "end_seconds": 32.0,
        }
        for name, ytid in ids.items()
    ]
    write_clips(tmp_path / "clips.tsv", clips)
    index_archives([tmp_path / "a.tar"], tmp_path / "archives.tsv")

    def fetch(sources):
        decode_shard(
            tmp_path / "clips.tsv",
            "train",
            "00000",
            tmp_path / "x.h5",
            tmp_path / "x.tsv",
            settings=audio_settings(sources=sources, folder=str(folder)),
            clip_seconds=2.0,
            archives=tmp_path / "archives.tsv",
        )
        table = read_table(tmp_path / "x.tsv", STATUS).set_index("clip_id")
        return table["source"].to_dict(), table["status"].to_dict()

    source, status = fetch(["folder", "archives"])
    assert status == {
        **dict.fromkeys(("cut", "whole", "tarred", "both", "dash", "bad"), "ok"),
        "none": "missing",
        "odd": "ambiguous",
    }
    assert source == {
        **dict.fromkeys(("cut", "whole", "both", "odd"), "folder"),
        **dict.fromkeys(("tarred", "dash", "none", "bad"), "archives"),
    }
    assert len(read_audio_shard(tmp_path / "x.h5").clip_id) == 6
    source, _ = fetch(["archives", "folder"])
    assert source["both"] == "archives" and source["cut"] == "folder"
