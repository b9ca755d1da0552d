"""Large files from a server that breaks off, forgets, lies or asks for pauses."""

import errno
import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest

from music_detectors.common.errors import ComeBackLater, InputError
from music_detectors.downloads import large
from music_detectors.downloads.large import (
    Wanted,
    bytes_to_come,
    check_room,
    download,
    is_whole,
    naming_full_disk,
    part_of,
)
from support.file_server import served
from support.web_server import Answer, reply, reset, serving, unused_port

BODY = np.random.default_rng(1).bytes(300_000)
SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"


@pytest.fixture
def web():
    with serving() as server:
        yield server


def file_at(url, body=BODY, algorithm="md5", **more):
    digest = hashlib.new(algorithm, body).hexdigest()
    return Wanted("sub/file.bin", url, len(body), algorithm, digest, **more)


def get(web, folder, behaviour, **more):
    """Download the file that `behaviour` serves; returns the number of bytes that came."""
    web.answers["/file"] = behaviour
    return sum(download(file_at(f"{web.url}/file?download=1", **more), folder, first_pause=0.01))


def begin(web, folder, n_bytes):
    """Leave `n_bytes` of the file, as of an earlier run."""
    part = part_of(file_at(f"{web.url}/file"), folder)
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(BODY[:n_bytes])
    return part


def nothing_else(folder):
    return [path.name for path in (folder / "sub").iterdir()] == ["file.bin"]


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_file_comes_whole_and_is_read_only(web, tmp_path, algorithm):
    assert get(web, tmp_path, served(BODY), algorithm=algorithm) == len(BODY)
    path = tmp_path / "sub" / "file.bin"
    assert path.read_bytes() == BODY and nothing_else(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert is_whole(file_at(""), tmp_path)


def test_broken_connections_are_gone_on_from(web, tmp_path):
    answers = [served(BODY, most=70_000), reset, served(BODY, most=100_000), served(BODY)]
    assert get(web, tmp_path, answers) == len(BODY)
    assert nothing_else(tmp_path) and is_whole(file_at(""), tmp_path)
    # No byte was sent twice.
    assert web.sent["/file"] == len(BODY)
    asked = [headers.get("Range") for headers in web.headers]
    assert asked == [None, "bytes=70000-", "bytes=70000-", "bytes=170000-"]


def test_what_an_earlier_run_left_is_gone_on_from(web, tmp_path):
    begin(web, tmp_path, 200_000)
    assert bytes_to_come(file_at(""), tmp_path) == 100_000
    assert get(web, tmp_path, served(BODY)) == 100_000
    assert nothing_else(tmp_path) and web.sent["/file"] == 100_000


def test_a_part_that_has_every_byte_needs_no_request(web, tmp_path):
    begin(web, tmp_path, len(BODY))
    assert get(web, tmp_path, reset) == 0
    assert nothing_else(tmp_path) and not web.asked


def test_a_part_that_is_too_long_is_thrown_away(web, tmp_path):
    begin(web, tmp_path, len(BODY)).write_bytes(BODY + b"more")
    assert get(web, tmp_path, served(BODY)) == len(BODY)
    assert nothing_else(tmp_path)


def test_a_part_of_another_content_is_not_gone_on_from(web, tmp_path):
    begin(web, tmp_path, 1000)
    other = BODY[::-1]
    web.answers["/file"] = served(other)
    wanted = file_at(f"{web.url}/file", other)
    assert sum(download(wanted, tmp_path)) == len(other) and is_whole(wanted, tmp_path)


def test_a_server_that_knows_no_ranges_sends_all_again(web, tmp_path):
    begin(web, tmp_path, 200_000)
    assert get(web, tmp_path, served(BODY, ranges=False)) == len(BODY)
    assert nothing_else(tmp_path) and is_whole(file_at(""), tmp_path)


def test_a_page_in_place_of_the_file_does_not_replace_what_came(web, tmp_path):
    part = begin(web, tmp_path, 200_000)
    page = reply(b"<html>Please sign in</html>" * 20, kind="text/html")
    with pytest.raises(ComeBackLater, match=r"/file: the server has 540 bytes; what has come is"):
        get(web, tmp_path, page)
    assert part.read_bytes() == BODY[:200_000]
    assert get(web, tmp_path, served(BODY)) == 100_000


@pytest.mark.parametrize(
    "said", ["bytes 0-299999/300000", "bytes 200000-299999/400000", "", "bytes */300000"]
)
def test_another_range_than_the_one_asked_for_is_refused(web, tmp_path, said):
    part = begin(web, tmp_path, 200_000)
    wrong = Answer(BODY[:100_000], 206, {"Content-Range": said})
    with pytest.raises(ComeBackLater, match="the server sends"):
        get(web, tmp_path, wrong)
    assert part.read_bytes() == BODY[:200_000]


def test_a_wrong_checksum_is_tried_twice(web, tmp_path):
    wrong = b"x" + BODY[1:]
    assert get(web, tmp_path, [served(wrong), served(BODY)]) == 2 * len(BODY)
    assert nothing_else(tmp_path) and is_whole(file_at(""), tmp_path)
    with pytest.raises(ComeBackLater, match=r"/file: came twice with another checksum .* \(md5 "):
        get(web, tmp_path / "again", served(wrong))
    assert not list((tmp_path / "again" / "sub").iterdir())


def test_a_damaged_part_costs_one_more_download(web, tmp_path):
    begin(web, tmp_path, 1000).write_bytes(b"x" * 1000)
    assert get(web, tmp_path, served(BODY)) == 2 * len(BODY) - 1000
    assert nothing_else(tmp_path) and is_whole(file_at(""), tmp_path)


@pytest.mark.parametrize("status", [403, 408, 500, 502, 503])
def test_errors_that_pass_are_waited_for(web, tmp_path, status):
    answers = [reply(status=status), served(BODY, most=50_000), reply(status=status), served(BODY)]
    assert get(web, tmp_path, answers) == len(BODY) and nothing_else(tmp_path)


def test_a_server_that_goes_on_failing_ends_the_job_for_now(web, tmp_path):
    part = begin(web, tmp_path, 1000)
    with pytest.raises(
        ComeBackLater,
        match=r"^http://127\.0\.0\.1:\d+/file: the server answers with status 503; what has come "
        r"is kept: run the same command again later$",
    ):
        get(web, tmp_path, reply(status=503))
    assert web.asked["/file"] == 6 and part.stat().st_size == 1000


def test_a_pause_that_the_server_asks_for_is_kept(web, tmp_path):
    answers = [reply(status=429, Retry_After="1"), served(BODY)]
    assert get(web, tmp_path, answers) == len(BODY)
    first, second = web.times["/file"]
    assert second - first >= 1


@pytest.mark.parametrize("after", [{}, {"Retry_After": "3600"}])
def test_too_many_requests_end_the_job_at_once_unless_the_pause_is_short(web, tmp_path, after):
    with pytest.raises(ComeBackLater, match="/file: too many requests; what has come is kept"):
        get(web, tmp_path, reply(status=429, **after))
    assert web.asked["/file"] == 1


def test_a_host_that_cannot_be_reached_ends_the_job_for_now(tmp_path):
    wanted = file_at(f"http://127.0.0.1:{unused_port()}/file")
    with pytest.raises(ComeBackLater, match="refused"):
        list(download(wanted, tmp_path, first_pause=0.01))


@pytest.mark.parametrize("status", [401, 404, 410])
def test_a_file_that_is_not_there_is_an_error(web, tmp_path, status):
    with pytest.raises(InputError, match=rf"/file: the server answers with status {status}; down"):
        get(web, tmp_path, reply(status=status))
    assert web.asked["/file"] == 1


def test_a_token_is_sent_to_its_host_alone(web, tmp_path):
    elsewhere = f"http://localhost:{web.url.rpartition(':')[2]}/there?signed=1"
    web.answers["/there"] = served(BODY)
    secret = {"authorization": "Bearer secret"}
    get(web, tmp_path, reply(status=302, Location=elsewhere), headers=secret)
    assert [headers.get("authorization") for headers in web.headers] == ["Bearer secret", None]
    assert nothing_else(tmp_path)


def test_redirects_lead_only_to_the_web_and_end(web, tmp_path):
    with pytest.raises(InputError, match=r"leads to ftp://127\.0\.0\.1/x, which is refused"):
        get(web, tmp_path, reply(status=302, Location="ftp://127.0.0.1/x"))
    with pytest.raises(ComeBackLater, match="more than 5 redirects"):
        get(web, tmp_path, reply(status=302, Location="/file"))


def test_a_server_that_drips_is_cut_off_and_gone_on_from(web, tmp_path, monkeypatch):
    monkeypatch.setattr(large, "_SECONDS", 0.3)
    slow = Answer(BODY, pause=0.1, block=4096)
    begun = time.monotonic()
    assert get(web, tmp_path, [slow, served(BODY)]) == len(BODY)
    assert time.monotonic() - begun < 5 and nothing_else(tmp_path)
    assert web.headers[1]["Range"]


def test_more_bytes_than_the_file_has_are_not_written(web, tmp_path):
    long = Answer(BODY + b"x" * 10**6, length=len(BODY))
    assert get(web, tmp_path, long) == len(BODY)
    assert nothing_else(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_ends_the_job_for_now(tmp_path, number):
    with pytest.raises(ComeBackLater, match=r"there: the disk is full; make room, then run the"):
        with naming_full_disk(tmp_path / "there"):
            raise OSError(number, os.strerror(number))
    with pytest.raises(OSError), naming_full_disk(tmp_path):
        raise OSError(errno.EIO, "")


def test_room_is_checked_before_anything_is_asked_for(tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(large.shutil, "disk_usage", lambda path: usage(49 * 10**9))
    check_room(tmp_path / "new" / "folder", 47 * 10**9, "downloads.here")
    check_room(tmp_path, 0, "downloads.here")
    with pytest.raises(
        InputError,
        match=r"folder: the download needs 50\.1 GB of disk, and 49\.0 GB are free; make room, or "
        r"name a folder on another disk in downloads\.here$",
    ):
        check_room(tmp_path / "new" / "folder", 49 * 10**9, "downloads.here")


KILLED = """
import sys
from music_detectors.downloads.large import Wanted, download
url, size, digest, folder = sys.argv[1:]
for n in download(Wanted("file.bin", url, int(size), "md5", digest), folder):
    pass
"""


def test_a_killed_download_goes_on_from_what_is_on_disk(web, tmp_path):
    web.answers["/file"] = Answer(BODY, pause=0.02, block=4096)
    wanted = file_at(f"{web.url}/file")._replace(path="file.bin")
    arguments = [wanted.url, str(wanted.size), wanted.digest, str(tmp_path)]
    job = subprocess.Popen(
        [sys.executable, "-c", KILLED, *arguments], env={**os.environ, "PYTHONPATH": str(SCRIPTS)}
    )
    while part_of(wanted, tmp_path).exists() is False or not os.path.getsize(
        part_of(wanted, tmp_path)
    ):
        assert job.poll() is None
        time.sleep(0.01)
    job.send_signal(signal.SIGKILL)
    job.wait()
    left = part_of(wanted, tmp_path).stat().st_size
    assert 0 < left < len(BODY)
    web.answers["/file"] = served(BODY)
    assert sum(download(wanted, tmp_path)) == len(BODY) - left
    assert is_whole(wanted, tmp_path) and len(list(tmp_path.iterdir())) == 1
