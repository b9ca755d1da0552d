"""The page of all units at the size of a large corpus: time and memory to write it, size, loading.

20 networks of the study's layers, 17,000 test clips of 527 classes, 165 sounds of a probe set,
intact clips and six quilts; every network reads the same files of responses. The page is loaded,
and a unit chosen, in headless Chromium if there is one.
"""

import resource
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from music_detectors.report.explorer.page import explore_units
from support.browser import NAMES, browser
from support.explored import explored

LAYERS = {"conv1": 32, "conv2": 64, "conv3": 128, "avgpool": 256, "fc1": 256}
QUILTS = {"intact": None} | {f"quilt-{ms}ms": ms for ms in (50, 100, 200, 400, 800, 1600)}
ROUNDS = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        arguments = explored(
            folder,
            layers=LAYERS,
            n_seeds=20,
            n_clips=17_000,
            n_classes=527,
            n_probe_sounds=165,
            n_played=600,
            quilts=QUILTS,
            seconds=5,
        )
        started = time.perf_counter()
        explore_units(**arguments)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        size = arguments["page"].stat().st_size / 1e6
        print(f"written in {seconds:.0f} s, peak {peak:.0f} MB; {size:.1f} MB")
        if not any(map(shutil.which, NAMES)):
            return
        ready, chosen = [], []
        with browser(folder) as tab:
            for _ in range(ROUNDS):
                started = time.perf_counter()
                tab.open(arguments["page"])
                ready.append(time.perf_counter() - started)
                started = time.perf_counter()
                tab.run("document.querySelector('#table tbody button').click()")
                tab.wait("!document.getElementById('chosen').textContent.includes('mean')")
                chosen.append(time.perf_counter() - started)
            assert tab.errors == []
        for what, times in (("ready", ready), ("a unit chosen", chosen)):
            print(f"{what}: median {median(times):.2f} s, longest {max(times):.2f} s")


if __name__ == "__main__":
    main()
