"""Every kind of stored file, damaged in every way, is refused by the step that reads it first."""

import re
import shlex
import shutil
import subprocess

import pytest

from damage.harm import Kept, few_harms, harms
from damage.kinds import KINDS, READ_BY_NO_STEP
from music_detectors.common.errors import InputError


@pytest.fixture(scope="module")
def results(smoke, tmp_path_factory):
    place = tmp_path_factory.mktemp("damage") / "results with a space"
    shutil.copytree(smoke / "results/smoke", place, ignore=shutil.ignore_patterns("logs"))
    return place


def test_every_kind_of_file_is_damaged_here_or_never_read(smoke):
    results = smoke / "results/smoke"
    names = [path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file()]
    assert len(names) > 100
    for name in names:
        if name.endswith(".sha256"):
            continue
        known = any(re.fullmatch(kind.like, name) for kind in KINDS)
        assert known or READ_BY_NO_STEP.fullmatch(name), f"{name} is of no kind in kinds.py"
    for kind in KINDS:
        assert re.fullmatch(kind.like, kind.example) and (results / kind.example).is_file()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.example}-{kind.read.__name__}")
def test_damage_is_found_at_the_first_read(results, tmp_path, kind):
    path = results / kind.example
    kept = Kept(path)
    # One function reads all files of a kind, so only one of them is damaged in every way.
    first = next(other for other in KINDS if other.word == kind.word)
    for name, harm in (harms if kind is first else few_harms)(path, kind.dataset):
        harm()
        try:
            with pytest.raises(InputError) as raised:
                kind.read(results, tmp_path)
            message = str(raised.value)
            said = re.fullmatch(
                rf"{re.escape(str(path))}: damaged {kind.word} \([^\n]+\); rebuild (?:it|them): "
                r"(rm -r [^\n]+?), then the same command again(; or, if you edited it, [^\n]+)?",
                message,
            )
            assert said, f"{name}: {message}"
            assert shlex.split(said[1])[2:] == [str(path)], name
            subprocess.run(said[1], shell=True, check=True)
            assert not path.exists()
            # The job can write the file again.
            kept.restore()
            assert [path.name for path in tmp_path.iterdir() if path.suffix != ""] == [], name
        finally:
            kept.restore()
    path.unlink()
    try:
        with pytest.raises(InputError) as raised:
            kind.read(results, tmp_path)
        assert str(raised.value) == f"{path}: missing {kind.word}; run the same command again"
    finally:
        kept.restore()
