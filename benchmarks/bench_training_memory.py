"""Measure the peak memory of a training job, beside the spectrograms that it holds."""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from generated import Paths, generate

CLIPS, FRAMES, CLASSES = 4_000, 802, 527
# Most clips validate, which is quick; all are held alike.
VALIDATION = 0.9


def train(folder: Path) -> None:
    """Train for an epoch on the corpus in `folder` and print the peak memory in kB."""
    from stages.networks.conditions import Condition
    from stages.networks.training import Settings, train_network

    corpus = Paths(folder / "index.tsv", folder / "clips.tsv", folder / "classes.tsv")
    train_network(
        corpus.index,
        corpus.clips,
        corpus.classes,
        settings=Settings(
            condition=Condition("natural", withhold=False, labels="given", epochs=1),
            seed=1,
            replicate=1,
            batch_size=32,
            learning_rate=0.001,
            weight_decay=0.01,
            validation_fraction=VALIDATION,
        ),
        weights=folder / "weights.safetensors",
        history=folder / "history.tsv",
        network_clips=folder / "network_clips.tsv",
        checkpoint=folder / "checkpoint.safetensors",
        code="benchmark",
        device="cpu",
        threads=1,
        memory_mb=8_000,
    )
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), CLIPS, CLASSES, FRAMES)
        done = subprocess.run(
            [sys.executable, __file__, folder], check=True, stdout=subprocess.PIPE, text=True
        )
    peak = int(done.stdout) * 1024 / 1e6
    held = CLIPS * 64 * FRAMES * 2 / 1e6
    print(f"\ntraining on {CLIPS} clips of 64 x {FRAMES}, batches of 32, one thread")
    print(f"  spectrograms held {held:10.0f} MB")
    print(f"  peak of the job   {peak:10.0f} MB")
    print(f"  above them        {peak - held:10.0f} MB   (aim: at most 1,000)")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        train(Path(sys.argv[1]))
    else:
        main()
