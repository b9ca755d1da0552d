"""Mirrors of AudioSet from a server with the ways of the Hugging Face hub."""

import os
import stat
import time
from collections import namedtuple

import numpy as np
import pytest

from music_detectors.common.errors import ComeBackLater, InputError
from music_detectors.downloads import large
from music_detectors.downloads.mirror import MIRRORS, fetch_mirror
from support.file_server import as_hub, served, store
from support.web_server import Answer, reply, serving, unused_port

NOISE = np.random.default_rng(2)
BODIES = [NOISE.bytes(40_000 + k) for k in range(4)]
NAMES = {
    "parquet": ["data/bal_train/00", "data/bal_train/01", "data/eval/00", "data/unbal_train/000"],
    "tar": ["bal_train00", "bal_train01", "eval00", "other00"],
}
SETS = ["bal_train", "eval"]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Without pauses, and without a token of the user."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(large, "_SPARE", 0)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")


@pytest.fixture
def web(monkeypatch):
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def files(name):
    ending = ".parquet" if name == "parquet" else ".tar"
    return {one + ending: body for one, body in zip(NAMES[name], BODIES, strict=True)}


def hub(web, name="parquet"):
    mirror = MIRRORS[name]
    as_hub(web, mirror.repository, mirror.revision, files(name))


def fetch(folder, name="parquet", sets=SETS):
    table = folder / "mirror-downloaded.tsv"
    fetch_mirror(name, sets, str(folder), table)
    return [line.split("\t") for line in table.read_text().splitlines()]


def there(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "mirror-downloaded.tsv"
    }


@pytest.mark.parametrize("name", MIRRORS)
def test_the_sets_that_are_asked_for_come_read_only_and_are_listed(web, tmp_path, name):
    hub(web, name)
    note, head, *rows = fetch(tmp_path, name)
    mirror = MIRRORS[name]
    assert note == [f"# {mirror.repository}, revision {mirror.revision}"]
    assert head == ["file", "bytes", "sha256", "address"]
    wanted = dict(list(files(name).items())[:3])
    assert there(tmp_path) == wanted
    assert sorted(row[0] for row in rows) == sorted(wanted)
    for path, size, digest, address in rows:
        assert int(size) == len(wanted[path])
        assert store(wanted[path]) == f"/store/{digest}"
        assert address.startswith(f"{web.url}/datasets/{mirror.repository}/resolve/")
        assert stat.S_IMODE(os.stat(tmp_path / path).st_mode) == 0o444


def test_revisions_are_fixed():
    assert all(len(mirror.revision) == 40 for mirror in MIRRORS.values())


def test_what_is_there_is_not_downloaded_again(web, tmp_path):
    hub(web)
    fetch(tmp_path, sets=["eval"])
    # As another program leaves it, and half of another file.
    for path, body in list(files("parquet").items())[:2]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(body[: 40_000 if path.endswith("01.parquet") else None])
    fetch(tmp_path)
    assert [web.asked[store(body)] for body in BODIES] == [0, 1, 1, 0]
    assert there(tmp_path) == dict(list(files("parquet").items())[:3])
    assert not os.access(tmp_path / "data/bal_train/00.parquet", os.W_OK) or os.geteuid() == 0


def test_it_goes_on_after_an_outage(web, tmp_path):
    hub(web)
    web.answers[store(BODIES[1])] = [served(BODIES[1], most=9000), reply(status=503)]
    with pytest.raises(ComeBackLater, match=r"01\.parquet: the server answers with status 503"):
        fetch(tmp_path)
    assert not (tmp_path / "mirror-downloaded.tsv").exists()
    web.answers[store(BODIES[1])] = served(BODIES[1])
    fetch(tmp_path)
    assert there(tmp_path) == dict(list(files("parquet").items())[:3])
    assert [web.sent[store(body)] for body in BODIES[:3]] == [len(body) for body in BODIES[:3]]


def tree(web, folder="data%2Fbal_train"):
    return f"/api/datasets/agkphysics/AudioSet/tree/{MIRRORS['parquet'].revision}/{folder}"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_data_set_that_is_gone_is_an_error(web, tmp_path, status):
    hub(web)
    web.answers[tree(web)] = reply(status=status)
    with pytest.raises(InputError, match=f"AudioSet, revision .*: the hub answers with .*{status}"):
        fetch(tmp_path)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_that_is_down_ends_the_job_for_now(web, tmp_path, status):
    hub(web)
    web.answers[tree(web)] = reply(status=status)
    with pytest.raises(ComeBackLater, match=f"status {status}; run the same command again later"):
        fetch(tmp_path)
    right = Answer(b"[]", headers={"Content-Type": "application/json"})
    web.answers[tree(web)] = [reply(status=status)] * (web.asked[tree(web)] + 1) + [right]
    with pytest.raises(InputError, match="has no files of bal_train; take another mirror"):
        fetch(tmp_path)


def test_a_hub_that_cannot_be_reached_ends_the_job_for_now(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused_port()}/")
    with pytest.raises(ComeBackLater, match="check the network, then run the same command again"):
        fetch(tmp_path)


@pytest.mark.parametrize("page", [b"<html>Sign in</html>", b"{}", b'["a"]', b'[{"type": "file"}]'])
def test_an_answer_that_is_no_list_ends_the_job_for_now(web, tmp_path, page):
    hub(web)
    web.answers[tree(web)] = reply(page, kind="application/json")
    with pytest.raises((ComeBackLater, InputError), match=r"cannot be asked|has no files"):
        fetch(tmp_path)


def test_names_that_lead_elsewhere_are_not_followed(web, tmp_path):
    mirror = MIRRORS["parquet"]
    names = ["data/bal_train/../../../00.parquet", "data/bal_train/00.parquet\n", "/00.parquet"]
    as_hub(web, mirror.repository, mirror.revision, {"data/bal_train/00.parquet": BODIES[0]})
    listed = web.answers[tree(web)].body
    for name in names:
        web.answers[tree(web)] = reply(listed.replace(b"data/bal_train/00.parquet", name.encode()))
        with pytest.raises((ComeBackLater, InputError), match=r"cannot be asked|has no files"):
            fetch(tmp_path / "folder", sets=["bal_train"])
    assert [path.name for path in tmp_path.rglob("*")] in ([], ["folder"])


def test_a_file_without_a_checksum_is_refused(web, tmp_path):
    hub(web)
    body = web.answers[tree(web)].body.replace(b'"lfs"', b'"other"')
    web.answers[tree(web)] = reply(body, kind="application/json")
    with pytest.raises(InputError, match=r"publishes no SHA-256 of data/bal_train/00\.parquet"):
        fetch(tmp_path)


def test_a_set_that_the_mirror_lacks_is_refused(tmp_path):
    with pytest.raises(InputError, match="sets names unbal_train, which the mirror tar lacks; it"):
        fetch(tmp_path, "tar", ["unbal_train"])


@pytest.mark.parametrize("other", ["mine.tar", "data/eval/x.parquet", "bal_train00.tar"])
def test_other_archives_in_the_folder_are_refused(web, tmp_path, other):
    hub(web)
    (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / other).touch()
    with pytest.raises(InputError, match=rf"{other}: is no file of the mirror parquet; move it"):
        fetch(tmp_path)
    assert not web.asked


def test_room_is_checked_first(web, tmp_path, monkeypatch):
    hub(web)
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(large.shutil, "disk_usage", lambda path: usage(100_000))
    with pytest.raises(InputError, match=r"name a folder on another disk in downloads\.mirror\.f"):
        fetch(tmp_path)
    assert not sum(web.sent[store(body)] for body in BODIES)
    monkeypatch.setattr(large.shutil, "disk_usage", lambda path: usage(200_000))
    fetch(tmp_path)


def test_a_token_goes_to_the_hub_alone(web, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    mirror = MIRRORS["parquet"]
    as_hub(web, mirror.repository, mirror.revision, {"data/eval/00.parquet": BODIES[0]})
    there = f"/datasets/{mirror.repository}/resolve/{mirror.revision}/data/eval/00.parquet"
    port = web.url.rpartition(":")[2]
    store_at = f"http://localhost:{port}{store(BODIES[0])}"
    web.answers[there] = reply(status=302, Location=store_at)
    table = fetch(tmp_path, sets=["eval"])
    sent = [
        {name.lower(): value for name, value in headers.items()}.get("authorization")
        for headers in web.headers
    ]
    assert sent == ["Bearer hf_secret", "Bearer hf_secret", None]
    assert "hf_secret" not in str(table)
