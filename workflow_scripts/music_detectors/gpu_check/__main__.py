"""Check a GPU before a long study: `python -m music_detectors.gpu_check [--small] [FOLDER]`."""

import argparse
import importlib.util
import json
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from music_detectors.common.errors import InputError
from music_detectors.gpu_check import checks, jobs, timing
from music_detectors.gpu_check.corpus import Corpus, generate
from music_detectors.gpu_check.page import page
from music_detectors.models.device import prepare_device

_CLASSES = 527
# The admissible clips of AudioSet's balanced train split.
_CLIPS, _FEW_CLIPS = 13_200, 650


class _Report:
    """What was found so far, written after each step, so that nothing of an ended run is lost."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.found: dict[str, Any] = {"checks": []}

    def add(self, name: str, value: object) -> None:
        self.found[name] = value
        self._write()

    def check(self, checks: Iterable[tuple[str, bool, dict[str, Any]]]) -> None:
        for name, holds, more in checks:
            print(f"{'ok    ' if holds else 'FAILED'}  {name}", flush=True)
            self.found["checks"].append({"name": name, "holds": bool(holds), **more})
            self._write()

    @property
    def failed(self) -> list[str]:
        return [check["name"] for check in self.found["checks"] if not check["holds"]]

    def _write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.found, indent=1, default=str)
        (self._folder / "gpu-check.json").write_text(text + "\n", encoding="utf-8")
        (self._folder / "gpu-check.md").write_text(page(self.found), encoding="utf-8")


def main() -> int:
    """Run the checks, print each as it ends, and return the exit code: 1 if one fails."""
    parser = argparse.ArgumentParser(
        prog="python -m music_detectors.gpu_check",
        description="Check that this GPU gives the same bytes each time, and how fast it is.",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        default="results/gpu-check",
        type=Path,
        help="where the report goes (default: %(default)s)",
    )
    parser.add_argument("--small", action="store_true", help="leave out what takes long")
    asked = parser.parse_args()
    started = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="gpu-check-"))
    try:
        report = _Report(asked.folder)
        _run(report, place, small=asked.small)
    except InputError as error:
        sys.exit(f"error: {error}")
    finally:
        shutil.rmtree(place, ignore_errors=True)
    report.add("seconds", round(time.monotonic() - started))
    count = len(report.found["checks"])
    print(f"{len(report.failed)} of {count} checks failed; report: {asked.folder / 'gpu-check.md'}")
    return int(bool(report.failed))


def _run(report: _Report, place: Path, *, small: bool) -> None:
    # An error should come first. The forks of `generate` do not use the GPU.
    prepare_device("cuda", 1)
    few = generate(place / "few", _FEW_CLIPS, _CLASSES)
    many = few if small else generate(place / "many", _CLIPS, _CLASSES)
    report.add("machine", _machine())
    report.check(checks.equalities(few, place / "checks", small=small))
    report.check(checks.accuracy())
    if importlib.util.find_spec("triton") is not None:
        report.check(checks.fused_blocks(few, place / "checks"))
    report.add("rates", timing.rates())
    report.add("step", timing.step_times(20 if small else 300))
    report.add("jobs", _jobs(many, place, small=small))
    report.check(_compiler(report.found["jobs"]))


def _jobs(corpus: Corpus, place: Path, *, small: bool) -> list[dict[str, Any]]:
    """Return the times of whole jobs, each a process of its own."""
    plans = [(2, 1), (2, 2)] if small else [(30, 1), (100, 1), (30, 10)]
    clips = _FEW_CLIPS if small else _CLIPS
    found = []
    for epochs, networks in plans:
        names = map(str, range(1, networks + 1))
        folder = place / f"{epochs}-{networks}"
        times = jobs.in_a_process("train", corpus, folder, epochs, *names)
        found.append({"job": "train", "clips": clips, "epochs": epochs, "networks": networks})
        found[-1] |= times
        print(f"        {networks} x {epochs} epochs: {times['whole']:.1f} s", flush=True)
    times = jobs.in_a_process(
        "play", corpus, place / "responses", folder, *(path.name for path in folder.iterdir())
    )
    print(f"        responses of {networks} networks: {times['whole']:.1f} s", flush=True)
    return [*found, {"job": "play", "clips": clips, "networks": networks} | times]


def _compiler(found: list[dict[str, Any]]) -> Iterable[tuple[str, bool, dict[str, Any]]]:
    """Yield whether no job has imported PyTorch's compiler."""
    yield "no job imports PyTorch's compiler", not any(job["compiler"] for job in found), {}


def _machine() -> dict[str, Any]:
    gpu = torch.cuda.get_device_properties(torch.cuda.current_device())
    return {
        "gpu": gpu.name,
        "compute_capability": f"{gpu.major}.{gpu.minor}",
        "memory_mb": gpu.total_memory // 10**6,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "python": platform.python_version(),
        # Readable only if all of cuDNN's precisions are set alike.
        "tf32": torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32,
    }


if __name__ == "__main__":
    sys.exit(main())
