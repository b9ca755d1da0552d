"""List recordings: `python -m music_detectors.listing FOLDER [--music FOLDER]`."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import yaml

from music_detectors.common.errors import InputError, one_line
from music_detectors.listing.clips import Clip, cut, write_manifest
from music_detectors.listing.trees import MUSIC, Tree, check_apart, read_tree

_SHOWN = 5


def main(arguments: Sequence[str]) -> int:
    """Write the manifest that `arguments` ask for, say what is in it, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m music_detectors.listing",
        description="Write a manifest of the recordings in a folder: a data set as it was "
        "published (ESC-10, ESC-50, UrbanSound8K, GTZAN, FMA), or one folder for each class.",
    )
    parser.add_argument("folder", metavar="FOLDER", help="recordings with classes")
    parser.add_argument("--music", metavar="FOLDER", help="music: your own, GTZAN or FMA")
    parser.add_argument(
        "--only",
        type=_column_and_value,
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="of a data set with a table, the rows with this value: esc10=True",
    )
    parser.add_argument(
        "--clip-seconds", type=_seconds, default=5.0, metavar="SECONDS", help="(default: 5)"
    )
    parser.add_argument(
        "--clips-per-track",
        type=_count,
        default=10,
        metavar="N",
        help="the most clips that are cut from a track of music (default: 10)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("manifest.tsv"), help="(default: manifest.tsv)"
    )
    asked = parser.parse_args(arguments)
    try:
        trees = [read_tree(asked.folder, music=False, only=dict(asked.only))]
        if asked.music is not None:
            check_apart(asked.folder, asked.music)
            trees.append(read_tree(asked.music, music=True))
        clips = [cut(tree, asked.clip_seconds, asked.clips_per_track) for tree in trees]
        listed = [clip for own in clips for clip in own]
        if not listed:
            raise InputError(f"{asked.folder}: none of its recordings gives a clip")
        for tree, own in zip(trees, clips, strict=True):
            print(_account(tree, own))
        write_manifest(asked.output, listed)
    except InputError as error:
        print(one_line(error, 2000), file=sys.stderr)
        return 1
    except OSError as error:
        print(one_line(f"{error.filename or asked.output}: {error.strerror}"), file=sys.stderr)
        return 1
    print(_summary(asked.output, listed, trees, asked.clip_seconds))
    return 0


def _account(tree: Tree, clips: Sequence[Clip]) -> str:
    """Return what was recognised in a folder, what was left out and why, and what to mind."""
    n_used = len({clip.path for clip in clips})
    lines = [f"{tree.folder}: {tree.kind}", f"  {len(clips)} clips of {n_used} recordings"]
    for reason, names in sorted(tree.left_out.items()):
        if names:
            shown = ", ".join(map(_printable, names[:_SHOWN]))
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            lines.append(f"  left out {len(names)}, {reason}: {shown}{more}")
    return "\n".join([*lines, *(f"  note: {remark}" for remark in tree.remarks)])


def _summary(
    manifest: Path, clips: Sequence[Clip], trees: Sequence[Tree], clip_seconds: float
) -> str:
    """Return the number of clips by label, and what the configuration needs."""
    counts = Counter(clip.labels for clip in clips)
    width = len(f"{max(counts.values()):,}")
    lines = [f"{n:>{width},}  {label}" for label, n in sorted(counts.items())]
    lines.append(f"{manifest}: {len(clips)} clips of {len(counts)} labels; for the configuration:")
    genres = sorted(set().union(*(tree.genres for tree in trees)))
    corpus: dict[str, object] = {"source": "manifest"}
    if genres or MUSIC in counts:
        corpus["target"] = MUSIC
    if genres:
        corpus["genres"] = genres
    whole = clip_seconds == int(clip_seconds)
    corpus["clip_seconds"] = int(clip_seconds) if whole else clip_seconds
    corpus["manifest"] = {"path": str(manifest)}
    settings = yaml.safe_dump(
        {"corpus": corpus}, default_flow_style=None, sort_keys=False, allow_unicode=True, width=1000
    )
    return "\n".join(lines) + "\n" + settings.rstrip()


def _printable(name: str) -> str:
    """Return a file's name as it can be shown: some are not text."""
    return one_line(name if name.isprintable() else ascii(name), 100)


def _column_and_value(text: str) -> tuple[str, str]:
    column, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError("a column and a value are wanted, as in esc10=True")
    return column, value


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1.5 <= seconds <= 60:
        raise argparse.ArgumentTypeError("from 1.5 to 60, as corpus.clip_seconds")
    return seconds


def _count(text: str) -> int:
    if not 1 <= (n := int(text)) <= 1000:
        raise argparse.ArgumentTypeError("from 1 to 1000")
    return n


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
