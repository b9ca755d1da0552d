"""Manifests whose cells look like something else."""

import random

import pytest

from attack.limits import ROUNDS, bounded
from music_detectors.audio.clips import Clip
from music_detectors.audio.failures import Unusable
from music_detectors.audio.sources import FileSource
from music_detectors.common.errors import InputError
from music_detectors.corpus.sources.manifest import read_manifest

HEAD = "path\tlabels\tstart_seconds\tend_seconds\n"


def read(tmp_path, text):
    (tmp_path / "m.tsv").write_text(text, encoding="utf-8", newline="")
    return read_manifest(tmp_path / "m.tsv", None, "corpus.manifest.path")


@pytest.mark.parametrize(
    "seconds", ["1_0", "\u0661\u0660", "\uff11", "nan", "inf", "-1", "1e400", "9" * 5000, "0x1"]
)
def test_a_time_is_of_plain_digits(tmp_path, seconds):
    with pytest.raises(InputError, match=r"line 2: end_seconds .* is not a number of seconds"):
        read(tmp_path, f"{HEAD}a.wav\tMusic\t0\t{seconds}\n")


@pytest.mark.parametrize("seconds", ["10", "10.5", "10.", "0.25", ".5"])
def test_plain_times_are_read(tmp_path, seconds):
    assert read(tmp_path, f"{HEAD}a.wav\tMusic\t0\t{seconds}\n").ends == [float(seconds)]


HIDDEN = ["Mu\u200bsic", "\u202ecisuM", "Mu\u00adsic", "Music\ufeff", "Mu\u200dsic", "Mu\u3164sic"]
HIDDEN += [
    "Pop\u00a0music",
    "Pop\u2028music",
    "Mu\ufe0fsic",
    "Mu\u2800sic",
    "Mu\x85sic",
    "Mu\U000e0041",
]


@pytest.mark.parametrize("name", HIDDEN)
def test_labels_and_groups_have_no_character_that_cannot_be_seen(tmp_path, name):
    with pytest.raises(InputError, match=r"line 2: labels .*holds a character that cannot be seen"):
        read(tmp_path, f"{HEAD}a.wav\t{name}\t0\t1\n")
    with pytest.raises(InputError, match=r"line 2: group .*holds a character that cannot be seen"):
        read(tmp_path, f"path\tlabels\tgroup\na.wav\tMusic\t{name}\n")


@pytest.mark.parametrize("name", ["Müsiçk", "موسیقی\u200cها", "क्\u200dष", "音楽", "♫ a-b"])
def test_words_of_every_script_are_labels(tmp_path, name):
    assert read(tmp_path, f"{HEAD}a.wav\t{name}\t0\t1\n").labels == [(name,)]


def test_a_path_that_is_too_long_is_a_clip_without_sound(tmp_path):
    manifest = read(tmp_path, f"{HEAD}{'x' * 300}.wav\tMusic\t0\t1\n")
    clip = Clip("a", "file", manifest.paths[0], 0.0, 1.0, ("Music",))
    with pytest.raises(Unusable) as raised:
        FileSource(1.0, None).read(clip)
    assert raised.value.message.isprintable()


def test_random_damage_is_one_line_or_a_manifest(tmp_path):
    rows = "".join(f"{k}.wav\tMusic;Song {k % 3}\t{k}\t{k + 2.5}\n" for k in range(20))
    draw = random.Random(4)

    def attack():
        refused = 0
        for _ in range(500 * ROUNDS):
            text = list(HEAD + rows)
            for _ in range(draw.choice([1, 2, 10])):
                text[draw.randrange(len(text))] = draw.choice('"\t\n\r,;\0\u202eé_9-@:/ ')
            try:
                read(tmp_path, "".join(text))
            except InputError as error:
                refused += 1
                assert str(error).isprintable()
        return refused

    assert bounded(attack, seconds=60 * ROUNDS) > 100
