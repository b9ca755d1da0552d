"""Write the manifest of docs/real-recordings.md: everyday sounds of ESC-10, and orchestral music.

    python docs/real_recordings.py ESC-10 MUSIC manifest.tsv

ESC-10 is the folder with one subfolder of recordings for each class, MUSIC the folder of tracks.
"""

import argparse
import csv
import sys
from pathlib import Path

import soundfile

CLIP_SECONDS = 5
CLIPS_PER_TRACK = 10


def rows_of_sounds(folder: Path) -> list[dict]:
    """Return one row for each recording; its group is the recording on Freesound it is cut from."""
    return [
        {
            "path": path.resolve(),
            "labels": path.parent.name.split(" - ")[-1],
            "start_seconds": 0,
            "end_seconds": CLIP_SECONDS,
            # Files are called fold-recording-take.ogg.
            "group": f"freesound-{path.stem.split('-')[1]}",
        }
        for path in sorted(folder.glob("*/*.ogg"))
    ]


def rows_of_music(folder: Path) -> list[dict]:
    """Return up to CLIPS_PER_TRACK rows for each track, spread over it; its group is the track."""
    rows = []
    for path in sorted(folder.glob("*.ogg")):
        seconds = soundfile.info(path).duration
        clips = min(CLIPS_PER_TRACK, int(seconds // CLIP_SECONDS))
        for clip in range(clips):
            # The middle of each of as many equal parts.
            start = round((clip + 0.5) * seconds / clips - CLIP_SECONDS / 2, 3)
            rows.append(
                {
                    "path": path.resolve(),
                    "labels": "Music",
                    "start_seconds": start,
                    "end_seconds": start + CLIP_SECONDS,
                    "group": path.stem,
                }
            )
    return rows


def main(arguments: list[str]) -> None:
    """Write the manifest; stop with a message when a folder has no recordings."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sounds", type=Path, metavar="ESC-10")
    parser.add_argument("music", type=Path, metavar="MUSIC")
    parser.add_argument("manifest", type=Path)
    asked = parser.parse_args(arguments)
    rows = []
    for folder, found in (
        (asked.sounds, rows_of_sounds(asked.sounds)),
        (asked.music, rows_of_music(asked.music)),
    ):
        if not found:
            parser.error(f"{folder} has no recordings in Ogg format; see docs/real-recordings.md")
        rows += found
    with open(asked.manifest, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
