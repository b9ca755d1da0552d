"""Jobs on a generated corpus, as the workflow's scripts start them."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from music_detectors.gpu_check.corpus import Corpus
from music_detectors.models.find import WORKFLOW

FILES = ("weights.safetensors", "snapshots.safetensors", "history.tsv", "clips.tsv")


def train(
    corpus: Corpus,
    folder: Path,
    epochs: int,
    replicates: Sequence[int] = (1,),
    device: str = "cuda",
    memory_mb: int = 8_000,
    validation_fraction: float = 0.1,
    blocks: str = "plain",
) -> list[Path]:
    """Train a network for each of `replicates` as in the study, together; return their folders."""
    from music_detectors.training.conditions import Condition
    from music_detectors.training.train import Outputs, Settings, train_networks

    folders = [folder / f"seed-{replicate}" for replicate in replicates]
    condition = Condition("natural", "kim2024", [], "given", epochs, keep="best")
    train_networks(
        corpus.index,
        corpus.clips,
        corpus.classes,
        corpus.branches,
        settings=[
            Settings(
                condition=condition,
                seed=1,
                replicate=replicate,
                batch_size=32,
                learning_rate=0.001,
                weight_decay=0.01,
                validation_fraction=validation_fraction,
            )
            for replicate in replicates
        ],
        outputs=[
            Outputs(*(place / name for name in (*FILES, "checkpoint.safetensors")))
            for place in folders
        ],
        together=len(replicates),
        code="gpu-check",
        device=device,
        threads=1,
        memory_mb=memory_mb,
        blocks=blocks,
    )
    return folders


def play(corpus: Corpus, networks: Sequence[Path], folder: Path, device: str = "cuda") -> None:
    """Compute the responses of `networks`, folders that `train` made, to all clips."""
    from music_detectors.responses.compute import compute_responses

    compute_responses(
        [network / "weights.safetensors" for network in networks],
        [corpus.index],
        ["original"],
        ["train"],
        [folder / f"{network.name}.h5" for network in networks],
        model="kim2024",
        device=device,
        threads=1,
    )


def in_a_process(name: str, corpus: Corpus, folder: Path, *rest: object) -> dict[str, Any]:
    """Run a job, `train` or `play`, in a new process, and time all of it.

    `rest` are the epochs and the replicates to train, or the folder of trained networks and their
    names in it. Returns the seconds from its start to its end (`whole`), those of its parts, and
    whether it has imported PyTorch's `compiler`.
    """
    started = time.perf_counter()
    arguments = map(str, (corpus.index.parent, folder, *rest))
    done = subprocess.run(
        [sys.executable, "-m", __name__, name, *arguments],
        cwd=WORKFLOW / "workflow_scripts",
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"a {name} job failed: {done.stderr[-2000:]}")
    whole = time.perf_counter() - started
    return {"whole": whole, **json.loads(done.stdout.splitlines()[-1])}


def main() -> None:
    """Run the job that the command line asks for, and print its times as JSON."""
    started = time.perf_counter()
    name, corpus, folder, amount, *networks = sys.argv[1:]
    import torch

    from music_detectors.training import train as training

    imported = time.perf_counter()
    times = {"imports": imported - started}
    if name == "train":
        loading = training.open_spectrograms

        def timed(*arguments: Any, **options: Any) -> Any:
            begun = time.perf_counter()
            found = loading(*arguments, **options)
            times["loading"] = time.perf_counter() - begun
            return found

        training.open_spectrograms = timed
        train(Corpus.under(corpus), Path(folder), int(amount), [int(one) for one in networks])
    else:
        places = [Path(amount) / network for network in networks]
        play(Corpus.under(corpus), places, Path(folder))
    times["script"] = time.perf_counter() - imported
    times["peak_mb"] = torch.cuda.max_memory_allocated() / 1e6
    times["compiler"] = "torch._dynamo" in sys.modules
    print(json.dumps(times))


if __name__ == "__main__":
    main()
