"""Clips through yt-dlp, from a local server and with its generic extractor.

YouTube itself is never asked. What only YouTube says stands in test_audio_youtube_failures.py.
"""

import io
import logging
import socket
import stat
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from music_detectors.audio import youtube
from music_detectors.audio.clips import Clip
from music_detectors.audio.columns import STATUS
from music_detectors.audio.failures import Retryable, Systemic, Unusable
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.youtube import YouTubeSource, find_deno
from music_detectors.common.tables import read_table
from support.recordings import fetch_and_decode, heard, judge, write_clips
from support.web_server import Answer, serving

SECONDS = 30
SOUND = {"Content-Type": "audio/wav"}
PLAIN = {
    "cookies": None,
    "user_agent": None,
    "extractor_args": [],
    "pause_seconds": 0,
    "deno": None,
}
BOUNDS = {"timeout_seconds": 10, "max_mb": 500}


def wav(seconds=SECONDS):
    """Return a recording whose level in second k is k/100."""
    level = np.repeat(np.arange(seconds) / 100, SAMPLE_RATE)
    file = io.BytesIO()
    soundfile.write(file, level, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    return file.getvalue()


WAV = wav()


def clip(reference, start=20.0, end=22.0):
    return Clip(f"{reference}_{start:.3f}", "audioset", reference, start, end, ())


@pytest.fixture
def web():
    with serving() as server:
        yield server


@pytest.fixture
def source(web, tmp_path, monkeypatch):
    """Return a function that makes a source for the server; check for leftovers at the end."""
    made = []
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(youtube.tempfile, "tempdir", str(scratch))

    def make(address=None, bounds=BOUNDS, **settings):
        made.append(
            YouTubeSource(
                judge,
                None,
                PLAIN | settings,
                bounds,
                address=address or web.url + "/{}",
                extractors=["generic"],
                retry_seconds=0.02,
            )
        )
        return made[-1]

    yield make
    for folder in scratch.iterdir():
        assert not list(folder.iterdir())
    for one in made:
        one.close()
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("reference", ["plain", "-starts_with-", "--", "_a_b_"])
def test_the_segment_is_cut_out(web, source, reference):
    web.answers[f"/{reference}"] = Answer(WAV, headers=SOUND)
    decoded = heard(source(), clip(reference))
    assert len(decoded.samples) == 2 * SAMPLE_RATE
    assert decoded.samples[100] == np.float32(0.20)
    assert decoded.samples[-100] == np.float32(0.21)


def page(web, seconds, place="/long"):
    """Return a page that links to a recording and states its duration."""
    script = (
        '{"@context": "https://schema.org", "@type": "VideoObject", "name": "x", '
        f'"contentUrl": "{web.url}{place}.wav", "duration": "PT{seconds}S"}}'
    )
    html = f'<html><head><script type="application/ld+json">{script}</script></head></html>'
    return Answer(html.encode(), headers={"Content-Type": "text/html"})


def test_the_download_stops_once_the_segment_is_covered(web, source):
    content = wav(300)
    web.answers["/video"] = page(web, 300)
    # Slow enough that little data is in transit when it stops.
    web.answers["/long.wav"] = Answer(content, headers=SOUND, pause=0.002)
    decoded = heard(source(), clip("video", 40.0, 42.0))
    assert decoded.samples[100] == np.float32(0.40) and len(decoded.samples) == 2 * SAMPLE_RATE
    # 42 s, 15% and 10 s more, and the socket buffers.
    assert 42 / 300 * len(content) < web.sent["/long.wav"] < 0.6 * len(content)


def test_one_downloader_serves_all_clips(web, source, monkeypatch):
    made = []
    plain = youtube.yt_dlp.YoutubeDL

    class Counted(plain):
        def __init__(self, params):
            made.append(self)
            super().__init__(params)

    monkeypatch.setattr(youtube.yt_dlp, "YoutubeDL", Counted)
    youtube_source = source()
    for number in range(3):
        web.answers[f"/{number}"] = Answer(WAV, headers=SOUND)
        heard(youtube_source, clip(str(number), number, number + 1))
    assert len(made) == 1


FAULTS = {
    "404": (Answer(status=404), Unusable, "not available"),
    "410": (Answer(status=410), Unusable, "not available"),
    "451": (Answer(status=451), Unusable, "not available"),
    "403": (Answer(status=403), Retryable, "yt-dlp failed"),
    "408": (Answer(status=408), Retryable, "yt-dlp failed"),
    "500": (Answer(status=500), Retryable, "yt-dlp failed"),
    "503 in data": ([Answer(WAV, headers=SOUND), Answer(status=503)], Retryable, "yt-dlp failed"),
    "403 in data": ([Answer(WAV, headers=SOUND), Answer(status=403)], Retryable, "yt-dlp failed"),
    "404 in data": ([Answer(WAV, headers=SOUND), Answer(status=404)], Unusable, "not available"),
    "429": (Answer(status=429, headers={"Retry-After": "9"}), Systemic, "refused by YouTube"),
    "407": (Answer(status=407), Systemic, "network"),
    "truncated": (
        Answer(WAV[:100_000], length=len(WAV), headers=SOUND),
        Retryable,
        "yt-dlp failed",
    ),
    "no data": (Answer(b"", headers=SOUND), Retryable, "yt-dlp failed"),
    "wrong length": (Answer(WAV, length=1000, headers=SOUND), Retryable, "no sound decoded"),
    "random bytes": (
        Answer(bytes(range(256)) * 40, headers={"Content-Type": "audio/mpeg"}),
        Retryable,
        "no sound decoded",
    ),
    "HTML as audio": (
        Answer(b"<html>Sign in</html>", headers=SOUND),
        Retryable,
        "no sound decoded",
    ),
    "HTML": (
        Answer(b"<html>Sign in</html>", headers={"Content-Type": "text/html"}),
        Unusable,
        "not available",
    ),
    "to a file": (
        Answer(status=302, headers={"Location": "file:///etc/passwd"}),
        Unusable,
        "not available",
    ),
    "to a file in data": (
        [
            Answer(WAV, headers=SOUND),
            Answer(status=302, headers={"Location": "file:///etc/passwd"}),
        ],
        Unusable,
        "not available",
    ),
    "slow drip": (
        Answer(WAV[:2000], length=len(WAV), pause=0.2, block=20, headers=SOUND),
        Retryable,
        "timed out",
    ),
    "hang": (Answer(WAV[:40], length=len(WAV), pause=5, headers=SOUND), Retryable, "timed out"),
    "too large": (Answer(WAV * 2, headers=SOUND), Unusable, "too large"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_error_and_the_next_clip_works(web, source, fault):
    answer, kind, reason = FAULTS[fault]
    web.answers["/bad"] = answer
    web.answers["/good"] = Answer(WAV, headers=SOUND)
    youtube_source = source(bounds={"timeout_seconds": 1.5, "max_mb": (len(WAV) + 1) / 10**6})
    with pytest.raises(kind) as caught:
        heard(youtube_source, clip("bad"))
    assert caught.value.reason.startswith(reason), caught.value.message
    assert caught.value.message and caught.value.message.isprintable()
    assert len(heard(youtube_source, clip("good")).samples) == 2 * SAMPLE_RATE


def test_403_then_200_succeeds_at_the_second_attempt(web, source):
    web.answers["/clip"] = [
        Answer(WAV, headers=SOUND),
        Answer(status=403),
        Answer(WAV, headers=SOUND),
    ]
    youtube_source = source()
    with pytest.raises(Retryable):
        heard(youtube_source, clip("clip"))
    assert len(heard(youtube_source, clip("clip")).samples) == 2 * SAMPLE_RATE


def test_a_refused_connection_is_systemic(source):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        youtube_source = source(address=f"http://127.0.0.1:{taken.getsockname()[1]}/{{}}")
        with pytest.raises(Systemic, match="network: "):
            heard(youtube_source, clip("a"))


@pytest.mark.parametrize("address", ["file:///etc/{}", "gopher://127.0.0.1/{}"])
def test_other_schemes_are_refused(source, address):
    with pytest.raises(Unusable) as caught:
        heard(source(address=address), clip("passwd"))
    assert caught.value.reason == "not available"


def test_a_video_that_ends_before_the_segment_is_not_downloaded(web, source):
    web.answers["/video"] = page(web, 15)
    web.answers["/long.wav"] = Answer(WAV, headers=SOUND)
    with pytest.raises(Unusable) as caught:
        heard(source(), clip("video"))
    assert caught.value.reason == "ends before the segment"
    # The generic extractor opens it, but it is not downloaded.
    assert web.asked["/long.wav"] == 1


def test_a_video_may_end_within_the_segment(web, source):
    web.answers["/video"] = page(web, 21)
    web.answers["/long.wav"] = Answer(wav(21), headers=SOUND)
    decoded = heard(source(), clip("video", 19.0, 25.0))
    assert len(decoded.samples) == 2 * SAMPLE_RATE


def test_a_short_download_is_tried_once_more_and_then_accepted(web, source):
    web.answers["/video"] = Answer(wav(21), headers=SOUND)
    youtube_source = source()
    with pytest.raises(Retryable) as caught:
        heard(youtube_source, clip("video", 20.0, 25.0))
    assert caught.value.reason == "short download"
    assert caught.value.message == "1.000 s of 5.000 s"
    assert len(heard(youtube_source, clip("video", 20.0, 25.0)).samples) == SAMPLE_RATE


def test_the_source_pauses_between_clips(web, source, monkeypatch):
    slept = []
    monkeypatch.setattr(youtube.time, "sleep", slept.append)
    web.answers["/clip"] = Answer(WAV, headers=SOUND)
    youtube_source = source(pause_seconds=7.0)
    heard(youtube_source, clip("clip"))
    assert max(slept, default=0) < 1
    with pytest.raises(Unusable):
        heard(youtube_source, clip("none"))
    heard(youtube_source, clip("clip"))
    # Shorter pauses are those of libraries.
    pauses = [pause for pause in slept if pause > 1]
    assert len(pauses) == 2 and all(6.0 < pause <= 7.0 for pause in pauses)


@pytest.mark.parametrize(("cookies", "an_hour"), [(None, 300), ("a_file", 2000)])
def test_the_default_pause_keeps_below_the_limit_of_a_guest_or_an_account(source, cookies, an_hour):
    pause = source(cookies=cookies, pause_seconds=None)._pause
    assert an_hour / 2 < 3600 / pause <= an_hour
    assert source(cookies=cookies, pause_seconds=0)._pause == 0


def test_extractor_arguments_reach_yt_dlp_and_stay_out_of_the_journal(web, source):
    web.answers["/clip"] = Answer(WAV, headers=SOUND)
    given = [
        "youtube:player-client=mweb,tv;po_token=mweb.gvs+SECRET=",
        "other-one:base_url=http://a:1",
    ]
    youtube_source = source(extractor_args=given)
    heard(youtube_source, clip("clip"))
    assert youtube_source._downloader.params["extractor_args"] == {
        "youtube": {"player_client": ["mweb", "tv"], "po_token": ["mweb.gvs+SECRET="]},
        "other-one": {"base_url": ["http://a:1"]},
    }
    # Refused clips are asked for again with other arguments.
    terms = {source(extractor_args=some).terms for some in (given, given[:1], [])}
    assert len(terms) == 3 and "" in terms and not any("SECRET" in one for one in terms)


COOKIES = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tname\tvalue\n"


def test_cookies_and_user_agent_are_sent_and_the_file_is_never_written(web, source, tmp_path):
    path = tmp_path / "cookies.txt"
    path.write_text(COOKIES)
    path.chmod(stat.S_IRUSR)
    web.answers["/clip"] = Answer(WAV, headers={**SOUND, "Set-Cookie": "name=other"})
    youtube_source = source(cookies=str(path), user_agent="a browser/1.0")
    heard(youtube_source, clip("clip"))
    youtube_source.close()
    assert {asked["User-Agent"] for asked in web.headers} == {"a browser/1.0"}
    assert web.headers[0]["Cookie"] == "name=value"
    assert path.read_text() == COOKIES


@pytest.mark.parametrize("content", [None, "not cookies at all\n", b"\xff\xfe"])
def test_cookies_that_cannot_be_read_stop_before_the_first_clip(web, source, tmp_path, content):
    path = tmp_path / "cookies.txt"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(Systemic, match="cookies"):
        heard(source(cookies=str(path)), clip("clip"))
    assert not web.asked


def test_lines_that_are_no_cookies_are_counted_and_not_shown(web, source, tmp_path, capfd, caplog):
    path = tmp_path / "cookies.txt"
    path.write_text(COOKIES + "127.0.0.1 session s3cr3t\nonly s3cr3t\n")
    web.answers["/clip"] = Answer(WAV, headers=SOUND)
    with caplog.at_level(logging.DEBUG):
        heard(source(cookies=str(path)), clip("clip"))
    said = "".join(capfd.readouterr())
    assert f"{path}: 2 lines are no cookies in Netscape format" in said
    assert "s3cr3t" not in said + caplog.text
    assert web.headers[0]["Cookie"] == "name=value"


def program(folder, says):
    path = folder / "deno"
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("says", [None, "deno 1.46.3 (stable)", "deno 2.2.9", "v22.1.0", ""])
def test_no_clip_is_asked_for_without_the_runtime(web, source, tmp_path, says):
    path = str(tmp_path / "none") if says is None else program(tmp_path, says)
    with pytest.raises(Systemic, match=r"runtime missing: .*audio\.youtube\.deno"):
        heard(source(deno=path), clip("clip"))
    assert not web.asked


def test_the_runtime_is_configured_or_found(tmp_path, monkeypatch):
    new = program(tmp_path, "deno 2.10.1 (stable, release, x86_64)")
    assert find_deno(new) == (new, "2.10.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_deno(None) == (new, "2.10.1")
    # Without deno on PATH, the one in the requirements.
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert find_deno(None)[1][0] == "2"


@pytest.mark.parametrize(
    "reference", ["", "short", "a/../../etc/x", "https://a.b/c", "ytsearch:abcd", "a b c d e f"]
)
def test_an_invalid_video_id_is_never_asked_for(reference, monkeypatch):
    youtube_source = YouTubeSource(judge, None, PLAIN, BOUNDS)
    monkeypatch.setattr(
        youtube.yt_dlp.YoutubeDL, "extract_info", lambda *_: pytest.fail("it was asked for")
    )
    with pytest.raises(Unusable) as caught:
        heard(youtube_source, clip(reference))
    assert caught.value.reason == "no such video"
    youtube_source.close()


class Scripted:
    """A downloader that raises the given error for each video."""

    def __init__(self, errors):
        self.errors = errors

    def extract_info(self, url):
        raise self.errors[url.rpartition("=")[2]]

    def close(self):
        pass


def scripted(monkeypatch, **errors):
    monkeypatch.setattr(youtube.yt_dlp, "YoutubeDL", lambda params: scripted_one)
    scripted_one = Scripted(errors)
    scripted_one.cookiejar = None
    return YouTubeSource(judge, None, PLAIN, BOUNDS)


GONE = youtube.YoutubeDLError("Video unavailable")
PRIVATE = youtube.YoutubeDLError("Private video. Sign in if you've been granted access")


def test_a_bare_video_unavailable_is_final_after_another_clip_was_answered(monkeypatch):
    errors = {"gone_______": GONE, "gone_too___": GONE, "private____": PRIVATE}
    youtube_source = scripted(monkeypatch, **errors)
    for name in ("gone_______", "gone_too___", "gone_______", "gone_too___"):
        # While no other clip is answered, it may be a block, however often it is asked for.
        with pytest.raises(Retryable) as caught:
            heard(youtube_source, clip(name))
        assert caught.value.reason == "video unavailable"
    with pytest.raises(Unusable) as caught:
        heard(youtube_source, clip("private____"))
    assert caught.value.reason == "needs an account"
    for name in ("gone_______", "gone_too___"):
        with pytest.raises(Unusable) as caught:
            heard(youtube_source, clip(name))
        assert (caught.value.status, caught.value.reason) == ("unavailable", "video unavailable")
    youtube_source.close()


def test_a_bug_of_yt_dlp_is_retryable_and_a_full_disk_is_not(monkeypatch):
    errors = {
        "broken_____": KeyError("streamingData"),
        "full_______": OSError(28, "No space left on device"),
    }
    youtube_source = scripted(monkeypatch, **errors)
    with pytest.raises(Retryable, match="yt-dlp failed"):
        heard(youtube_source, clip("broken_____"))
    with pytest.raises(Systemic, match=r"disk: .*/youtube-.*: .*No space left"):
        heard(youtube_source, clip("full_______"))
    youtube_source.close()


def sound(number, **facts):
    return {"format_id": number, "vcodec": "none", "acodec": "opus", "protocol": "https", **facts}


@pytest.mark.parametrize(
    ("formats", "chosen", "no_audio"),
    [
        ([sound("low"), sound("high")], "high", False),
        ([sound("alone"), sound("film", vcodec="avc1")], "alone", False),
        ([sound("small", vcodec="avc1"), sound("large", vcodec="avc1")], "small", False),
        ([sound("alone"), sound("by ffmpeg", protocol="m3u8")], "alone", False),
        ([sound("picture", vcodec="avc1", acodec="none")], None, True),
        ([sound("story", acodec="none", protocol="mhtml")], None, False),
        ([sound("local", protocol="file")], None, False),
        ([], None, False),
    ],
)
def test_an_audio_only_native_format_is_chosen(formats, chosen, no_audio):
    youtube_source = YouTubeSource(judge, None, PLAIN, BOUNDS)
    found = [one["format_id"] for one in youtube_source._choose_format({"formats": formats})]
    assert found == ([chosen] if chosen else [])
    assert youtube_source._no_audio is no_audio


@pytest.mark.parametrize("facts", [{"is_live": True}, {"live_status": "is_upcoming"}])
def test_live_videos_are_refused(facts):
    youtube_source = YouTubeSource(judge, None, PLAIN, BOUNDS)
    assert youtube_source._reject(facts, incomplete=False) == "live"
    assert youtube_source._reject({"duration": 12.0}, incomplete=False) == "live"


def test_a_shard_from_youtube_stops_at_a_rate_limit_and_continues(
    web, source, tmp_path, monkeypatch
):
    """Both jobs, the journal and this source together."""
    monkeypatch.setattr(youtube, "YouTubeSource", lambda *arguments: source())
    names = ["-a_good_one-", "-dead-", "flaky", "limited"]
    clips = [
        {"clip_id": f"{name}_20.000", "source": "audioset", "reference": name}
        | {"start_seconds": 20.0, "end_seconds": 22.0}
        for name in names
    ]
    write_clips(tmp_path / "clips.tsv", clips)
    good = Answer(WAV, headers=SOUND)
    web.answers = {
        "/-a_good_one-": good,
        "/flaky": [good, Answer(status=403), good],
        "/limited": [Answer(status=429), good],
    }
    settings = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())["audio"]
    settings = settings | {"sources": ["youtube"], "silence_db": -90}
    settings["retries"] = {"attempts": 3, "pause_seconds": 0, "in_a_row": 20}

    def fetch():
        fetch_and_decode(
            tmp_path / "clips.tsv",
            "train",
            "00000",
            audio=tmp_path / "00000.h5",
            status=tmp_path / "00000.status.tsv",
            journal=tmp_path / "journal",
            settings=settings,
            clip_seconds=10.0,
        )
        return read_table(tmp_path / "00000.status.tsv", STATUS).set_index("clip_id")

    with pytest.raises(Systemic, match="refused by YouTube"):
        fetch()
    assert not (tmp_path / "00000.h5").exists()
    before = web.asked.copy()
    found = fetch()
    assert found["status"].tolist() == ["ok", "unavailable", "ok", "ok"]
    assert found["reason"].tolist()[1] == "not available"
    assert set(found["source"]) == {"youtube"}
    # Finished clips are not asked for again.
    assert web.asked["/-a_good_one-"] == before["/-a_good_one-"] == 2
    assert web.asked["/-dead-"] == before["/-dead-"] == 1
