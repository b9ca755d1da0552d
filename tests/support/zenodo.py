"""A small FSD50K, and a web server that has it as Zenodo does."""

import hashlib

from support.file_server import served
from support.split_archives import split_archive
from support.web_server import WebServer, sound
from workflow.audioset_files import NODES

PART = 16_000


def small_fsd50k(clips: int = 6) -> dict[str, dict[str, bytes]]:
    """Return the files of each archive: recordings of 0.3 s, and what is known of them."""
    known = [(mid, name.replace(" ", "_")) for mid, name, _ in NODES]
    two = [known[0], known[-1]]
    rows = [f"{1000 + k},{two[k % 2][1]},{two[k % 2][0]}" for k in range(2 * clips)]
    truth = {
        "vocabulary.csv": "".join(f"{k},{name},{mid}\n" for k, (mid, name) in enumerate(known)),
        "dev.csv": "fname,labels,mids,split\n" + "".join(f"{row},train\n" for row in rows[:clips]),
        "eval.csv": "fname,labels,mids\n" + "".join(f"{row}\n" for row in rows[clips:]),
    }
    audio = {
        part: {
            f"FSD50K.{part}_audio/{1000 + first + k}.wav": sound(0.3, seed=first + k)
            for k in range(clips)
        }
        for part, first in (("dev", 0), ("eval", clips))
    }
    return {
        "FSD50K.ground_truth": {
            f"FSD50K.ground_truth/{name}": text.encode() for name, text in truth.items()
        },
        "FSD50K.metadata": {"FSD50K.metadata/dev_clips_info_FSD50K.json": b"{}"},
        "FSD50K.doc": {"FSD50K.doc/README.md": b"# FSD50K\n", "__MACOSX/README.md": b"x"},
        "FSD50K.dev_audio": audio["dev"],
        "FSD50K.eval_audio": audio["eval"],
    }


def parts_of(content: dict[str, dict[str, bytes]]) -> dict[str, list[tuple[str, bytes]]]:
    """Return the parts of each archive, by its name: only those of the sounds are large."""
    found = {}
    for name, files in content.items():
        parts = split_archive(files, PART)
        names = [f"{name}.z{k:02}" for k in range(1, len(parts))] + [f"{name}.zip"]
        found[name] = list(zip(names, parts, strict=True))
    return found


def archives(content: dict[str, dict[str, bytes]]) -> dict:
    """Return what `downloads.fsd50k.ARCHIVES` says of FSD50K, of `content`."""
    return {
        name: (
            sum(map(len, content[name].values())),
            [(file, len(body), hashlib.md5(body).hexdigest()) for file, body in parts],
        )
        for name, parts in parts_of(content).items()
    }


def as_zenodo(web: WebServer, content: dict[str, dict[str, bytes]]) -> None:
    """Let `web` have the parts of the archives as Zenodo's record has them."""
    for parts in parts_of(content).values():
        for file, body in parts:
            web.answers[path_of(file)] = served(body)


def path_of(file: str) -> str:
    """Return the path of a file of the record."""
    return f"/records/4060432/files/{file}"
