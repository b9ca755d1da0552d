"""Measure the peak memory of a training job in excess of its spectrograms."""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from music_detectors.gpu_check.corpus import Corpus, generate
from music_detectors.gpu_check.jobs import train

CLIPS, FRAMES, CLASSES = 4_000, 802, 527
# Use most clips for validation, which is fast; the job holds all clips.
VALIDATION = 0.9


def show_peak(folder: Path) -> None:
    """Train one epoch on the corpus in `folder` and print the peak memory in kB."""
    corpus = Corpus.under(folder)
    train(corpus, folder, 1, device="cpu", validation_fraction=VALIDATION)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), CLIPS, CLASSES, FRAMES)
        process = subprocess.run(
            [sys.executable, __file__, folder], check=True, stdout=subprocess.PIPE, text=True
        )
    peak = int(process.stdout) * 1024 / 1e6
    held = CLIPS * 64 * FRAMES * 2 / 1e6
    print(f"\ntraining on {CLIPS} clips of 64 x {FRAMES}, batches of 32, one thread")
    print(f"  spectrograms held {held:10.0f} MB")
    print(f"  peak of the job   {peak:10.0f} MB")
    print(f"  difference        {peak - held:10.0f} MB   (aim: at most 1,000)")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        show_peak(Path(sys.argv[1]))
    else:
        main()
