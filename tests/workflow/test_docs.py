"""Every command and configuration in the documentation, from its text: they work as they stand.

Snakemake's are dry runs, in a folder with small files of the kinds that the pages name; manifests
are listed for real. Commands of other programs are only parsed.
"""

import csv
import itertools
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
import yaml

from music_detectors.listing.__main__ import main as list_recordings
from music_detectors.probes.sets import natsound165
from reruns.plans import answers
from workflow.audioset_files import write_audioset
from workflow.snake import ROOT
from workflow.test_presets import write_fsd50k

PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "config/*.md", "docs/*.md")
    for path in ROOT.glob(pattern)
    # Their commands are those of the past, and of a generated page.
    if path.name not in ("CHANGELOG.md", "outputs.md", "BRIEF.md")
)
OWN = {"source": "manifest", "manifest": {"path": "recordings.tsv"}}


class Use(NamedTuple):
    """What a page's configuration is: the file it is saved as, and what it is laid over.

    `also` is laid over both, where the files that the tests make lack some classes.
    """

    name: str
    over: tuple[str, ...] = ()
    also: dict | None = None


FEW_CLASSES = {"targets": [], "conditions": {"no-speech": None, "no-things": None}}


def of_table(target, **manifest):
    """The rest of a configuration for a published table."""
    withheld = {"withhold": [target]}
    return {
        "corpus": {"source": "manifest", "target": target, "manifest": manifest},
        "conditions": {"natural": withheld, "shuffled": withheld, "untrained": withheld},
    }


# Each configuration of a page, in order.
CONFIGURATIONS = {
    "CONTRIBUTING.md": [Use("mine.yaml")],
    "docs/audioset-local.md": [
        Use("my-audioset.yaml", ("config/audioset-local.yaml",), FEW_CLASSES)
    ],
    "docs/audioset.md": [
        Use("epochs.yaml", ("config/audioset.yaml",)),
        Use("my-audioset.yaml", ("config/audioset.yaml",)),
        Use("shards.yaml", ("config/audioset.yaml",)),
    ],
    "docs/cluster.md": [Use("profile/config.yaml")],
    "docs/deposit.md": [Use("licence.yaml")],
    "docs/downloads.md": [Use("downloads.yaml")],
    "docs/esc50.md": [
        Use("first-look.yaml", ("config/esc50.yaml",)),
        Use("more.yaml", ("config/esc50.yaml",)),
    ],
    "docs/inputs.md": [Use("inputs.yaml")],
    "docs/manifest.md": [
        Use("esc50.yaml", ("config/manifest.yaml",), of_table("dog")),
        Use("urbansound8k.yaml", ("config/manifest.yaml",), of_table("Music")),
        Use("fma.yaml", ("config/manifest.yaml",), of_table("Rock")),
        Use("gtzan.yaml", ("config/manifest.yaml",), of_table("rock")),
        Use("my-recordings.yaml", ("config/manifest.yaml",)),
    ],
    "docs/models.md": [Use("models.yaml"), Use("of-others.yaml"), Use("trained-here.yaml")],
    "docs/planning.md": [Use("corpora.yaml")],
    "docs/pretrained.md": [Use("cnn14.yaml"), Use("hubert.yaml")],
    "docs/probes.md": [
        Use("natsound165.yaml"),
        Use("copy.yaml", also={"probes": {"natsound165": {"folder": "natsound165"}}}),
        Use("probe.yaml", also={"probes": {"mine": {"folder": "mine"}}}),
    ],
    "docs/real-recordings.md": [Use("example.yaml")],
    "docs/responses.md": [Use("theirs.yaml")],
    # tests/workflow/test_toy_source.py runs it, with the source that the page has.
    "docs/sources.md": [Use("source.yaml")],
    "docs/youtube.md": [Use("youtube.yaml", ("config/audioset.yaml",))],
}
# Where a page's commands need classes that the tests' files lack.
OF_PAGES = {
    "docs/audioset-local.md": FEW_CLASSES,
    "docs/fsd50k.md": FEW_CLASSES,
}
# Commands of other programs, which are only parsed: most change or need what is not here.
OTHERS = set("cat cd export find git grep hf ls unzip pip for zip done xargs cp".split())


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page):
    """The language and text of each block of code on a page, without its indentation."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", text_of(page), re.M | re.S)
    return [(kind, re.sub(f"^{indent}", "", text, flags=re.M)) for indent, kind, text in found]


def is_shell(kind, text):
    first = text.split(maxsplit=1)[0]
    programs = OTHERS | {"make", "snakemake"}
    return kind == "bash" or (not kind and (first in programs or first.startswith(".venv/bin/")))


def commands(page):
    """The commands of a page, in blocks and in its sentences, in order."""
    for kind, text in blocks(page):
        if is_shell(kind, text):
            yield from text.replace("\\\n", " ").splitlines()
    for text in re.findall(
        r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```$", "", text_of(page), flags=re.M | re.S)
    ):
        if re.match(r"(\.venv/bin/)?(snakemake|make) \S", text):
            yield text


def words(command):
    """The words of a command, without comments and what stands before its pipe."""
    found = [word.removeprefix(".venv/bin/") for word in shlex.split(command, comments=True)]
    return found[found.index("snakemake") :] if "snakemake" in found else found


def sound(path, seconds=5.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(seconds * 4000), np.float32), 4000)


def table(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder with small data sets under the names that the pages give them."""
    base = tmp_path_factory.mktemp("data")
    for name in ("config", "profiles"):
        (base / name).symlink_to(ROOT / name)
    write_audioset(base, audio=False)
    (base / "audioset" / "mirror").mkdir()
    (base / "audioset" / "mirror" / "eval00.tar").touch()
    write_fsd50k(base, clips=40)
    (base / "weights").mkdir()
    for name in ("Cnn14_16k_mAP=0.438.pth", "hubert_base.safetensors", "mine.safetensors"):
        (base / "weights" / name).touch()
    (base / "my_package").mkdir()
    (base / "my_package" / "networks.py").touch()
    natural = list(
        itertools.chain.from_iterable(
            group for group in yaml.safe_load(blocks("docs/esc50.md")[-2][1])["targets"]
        )
    )
    rows = [
        (f"{fold}-{at}-A-{at}.wav", fold, at, name, at < 10, 100 * at + fold, "A")
        for at, name in enumerate(natural)
        for fold in range(1, 6)
    ]
    head = "filename fold target category esc10 src_file take".split()
    table(base / "ESC-50" / "meta" / "esc50.csv", head, *rows)
    for name, *_ in rows:
        sound(base / "ESC-50" / "audio" / name)
    labels = (
        *("Dog bark", "Rain", "Sea waves", "Baby cry", "Clock tick", "Person sneeze"),
        *("Helicopter", "Chainsaw", "Rooster", "Fire crackling"),
    )
    for at, label in enumerate(labels):
        for fold in range(1, 6):
            sound(base / "ESC-10" / f"00{at} - {label}" / f"{fold}-{at}{fold}-A.wav")
    for track in range(4):
        sound(base / "music" / f"track {track}.wav", 12)
    genres = yaml.safe_load((ROOT / "config" / "gtzan.yaml").read_text())["corpus"]["genres"]
    for genre, k in itertools.product(genres, range(2)):
        sound(base / "GTZAN" / genre / f"{genre}.0000{k}.wav", 12)
    gtzan = [(f"{genre}.{k:05}.wav", 1, genre) for genre in genres for k in range(2)]
    table(base / "Data" / "features_30_sec.csv", ("filename", "length", "label"), *gtzan)
    table(
        base / "UrbanSound8K" / "metadata" / "UrbanSound8K.csv",
        "slice_file_name fsID start end salience fold classID class".split(),
        *(
            (f"{k}-3-0-0.wav", k, 0, 4, 1, 1 + k % 10, 3, name)
            for k, name in enumerate(["dog_bark", "siren", "street_music"] * 4)
        ),
    )
    table(
        base / "fma_metadata" / "tracks.csv",
        ("", "artist", "set", "set", "track"),
        ("", "id", "split", "subset", "genre_top"),
        ("track_id", "", "", "", ""),
        *(
            (k, k, ("training", "validation", "test")[k % 3], "small", genre)
            for k, genre in enumerate(["Rock", "Pop", "Folk"] * 6 + ["Folk", "Rock", "Pop"] * 6)
        ),
        (999, 1, "training", "large", ""),
    )
    for label, k in itertools.product(("strings", "percussion", "water", "birds"), range(4)):
        sound(base / "recordings" / label / f"{label}{k}.wav")
    (base / "manifest.csv").touch()
    for name, categories in (
        ("natsound165/category_labels", set().union(*natsound165.SETTINGS["target"].values())),
        ("mine/categories", ("Guitar", "Choir", "Rain")),
    ):
        for category in categories:
            sound((base / name).with_name(f"{category}.wav"))
        table(base / f"{name}.csv", *((f"{own}.wav", own) for own in sorted(categories)))
    (base / "natsound165" / "components.mat").touch()
    (base / "mine" / "responses.tsv").write_text("sound\tone\nGuitar\t1\nChoir\t1\nRain\t0\n")
    return base


@pytest.fixture(scope="session")
def pages(data, tmp_path_factory):
    """For each page, a folder with the data sets and with what the page has saved and listed."""
    folders = {page: tmp_path_factory.mktemp(Path(page).stem) for page in PAGES}
    models = [text for kind, text in blocks("docs/models.md") if kind == "python"]
    for page, folder in folders.items():
        for path in data.iterdir():
            (folder / path.name).symlink_to(path)
        for name, text in zip(("mel_means", "small_cnn"), models, strict=True):
            (folder / f"{name}.py").write_text(text)
        (folder / "my_models.py").write_text(f"{models[1]}\nSmall = SmallCnn\n")
        (folder / "my-study.yaml").write_text((ROOT / "config" / "smoke.yaml").read_text())
        for other in ("docs/audioset.md", "docs/audioset-local.md", "docs/manifest.md", page):
            save(other, folder)
        (folder / "mine.yaml").write_text("corpus: {name: mine}\n")
        list_as_told("docs/manifest.md", folder)
        list_as_told(page, folder)
    return folders


def configurations(page):
    return [text for kind, text in blocks(page) if kind == "yaml"]


def save(page, folder):
    """Save the configurations of `page` in `folder`."""
    uses = CONFIGURATIONS.get(page, [])
    for use, text in zip(uses, configurations(page), strict=True):
        (folder / use.name).parent.mkdir(exist_ok=True)
        saved = yaml.safe_load(text)
        if use.name == "my-recordings.yaml":
            # A copy of the preset, in which these lines are changed.
            preset = yaml.safe_load((ROOT / use.over[0]).read_text())
            saved = {
                name: merged(preset.get(name), saved.get(name)) for name in {**preset, **saved}
            }
        (folder / use.name).write_text(yaml.safe_dump(saved))


def merged(first, second):
    return (
        {**first, **second}
        if isinstance(first, dict) and isinstance(second, dict)
        else (first if second is None else second)
    )


def list_as_told(page, folder):
    """List recordings in `folder` as `page` says."""
    here = os.getcwd()
    os.chdir(folder)
    try:
        for command in commands(page):
            found = words(command)
            if "music_detectors.listing" in found and "FOLDER" not in found:
                arguments = found[found.index("music_detectors.listing") + 1 :]
                # The games' music of the example is not everywhere.
                arguments = ["music" if word.startswith("/usr/") else word for word in arguments]
                output = Path(arguments[-1] if "--output" in arguments else "manifest.tsv")
                output.unlink(missing_ok=True)
                assert list_recordings(arguments) == 0, command
    finally:
        os.chdir(here)


def test_every_configuration_of_a_page_is_known_here():
    found = {page: len(configurations(page)) for page in PAGES}
    assert {page: n for page, n in found.items() if n} == {
        page: len(uses) for page, uses in CONFIGURATIONS.items()
    }


def test_every_shell_command_is_one_that_is_run_or_only_parsed():
    for page in PAGES:
        for kind, text in blocks(page):
            if is_shell(kind, text):
                parsed = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
                assert parsed.returncode == 0, (page, text, parsed.stderr)
        for command in commands(page):
            found = words(command)
            if not found:
                continue
            own = found[0] in ("snakemake", "make") or "music_detectors" in command
            assert own or found[0] in OTHERS | {"python"}, (page, command)


def test_the_targets_of_make_exist():
    asked = {tuple(words(text)) for page in PAGES for text in commands(page) if "make" in text}
    asked = {command for command in asked if command[0] == "make"}
    assert ("make", "run") in asked
    for command in sorted(asked):
        ended = subprocess.run(
            [*command, "--dry-run", "--always-make"], cwd=ROOT, capture_output=True, text=True
        )
        assert ended.returncode == 0, (command, ended.stderr)


def as_asked(command, page, folder):
    """The arguments of a command of Snakemake, for a dry run in `folder`; None if it is no such.

    The tests' own settings are laid over the configurations that it names.
    """
    found = words(command)
    if found[:1] != ["snakemake"]:
        return None
    arguments, option = [], ""
    for word in found[1:]:
        if word.startswith("-"):
            option = word
        elif option in ("--configfile", "--workflow-profile"):
            word = str(folder / word)
        arguments.append(word)
    if "--configfile" in arguments:
        names = itertools.takewhile(
            lambda word: not word.startswith("-"),
            arguments[arguments.index("--configfile") + 1 :],
        )
        place = arguments.index("--configfile") + 1 + len(list(names))
        arguments.insert(place, quick(folder, OF_PAGES.get(page, {})))
    return arguments


def quick(folder, settings):
    """Write settings with which a plan has few jobs, and with `settings`; returns the path."""
    path = folder / "quick.yaml"
    few = {
        "corpus": {"audioset": {"clips": {"train": 20, "test": 20}}},
        "networks": {"seeds": 1},
    }
    path.write_text(yaml.safe_dump({**few, **settings}))
    return str(path)


def test_every_command_of_snakemake_is_understood(pages):
    asked = {}
    for page, folder in pages.items():
        for command in commands(page):
            arguments = as_asked(command, page, folder)
            if arguments is None:
                continue
            own = [word.replace(str(folder), "") for word in arguments]
            # Without a file of the page, the same command is the same on another.
            of_page = [word for word in own if word.endswith(".yaml") and "/config/" not in word]
            key = (page if of_page[:-1] else "", *own)
            asked.setdefault(key, (folder, ["--quiet", "--dry-run", *arguments], ROOT))
    for question, (status, said) in zip(asked, answers([*asked.values()]), strict=True):
        # These two need results, which are not there: that is all that they may say.
        needed = {"--cleanup-metadata": "metadata was not present", "--report": "does not exist"}
        missing = any(option in question and why in said for option, why in needed.items())
        assert status == 0 or missing, (*question, said)
    assert len(asked) > 30


def test_every_configuration_is_one_that_snakemake_takes(pages):
    asked = {}
    for page, uses in CONFIGURATIONS.items():
        folder = pages[page]
        for use in uses:
            if use.name == "source.yaml":
                continue
            if use.name.startswith("profile/"):
                arguments = ["--workflow-profile", folder / "profile"]
            else:
                files = [folder / name for name in (*use.over, use.name)]
                also = folder / f"also-{use.name}"
                also.write_text(yaml.safe_dump(use.also or {}))
                arguments = ["--configfile", *files, quick(folder, {}), also]
            arguments += ["--", "networks"]
            asked[page, use.name] = (folder, ["--quiet", "--dry-run", *arguments], ROOT)
    for question, (status, said) in zip(asked, answers([*asked.values()]), strict=True):
        assert status == 0, (*question, said)
