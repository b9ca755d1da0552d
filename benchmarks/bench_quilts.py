"""Time compiled sound quilts, compared with the notebook's loops over segments."""

import numpy as np
import torch
from notebook import notebook_quilt, notebook_windows

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.stimuli.quilt import quilted
from music_detectors.stimuli.quilting.segments import joined, segment_order
from music_detectors.stimuli.quilting.window_spectra import changes_between
from music_detectors.stimuli.quilting.windows import WINDOW_MS
from timing import alternate, report

CLIPS = 8
SECONDS = 10


def main():
    torch.set_num_threads(1)
    draw = np.random.default_rng(0)
    clips = (0.1 * draw.standard_normal((CLIPS, SECONDS * SAMPLE_RATE))).astype(np.float32)
    spectra = notebook_windows(clips)
    for segment_ms in (50, 1600):
        changes = [changes_between(samples, segment_ms) for samples in clips]

        def loops(spectra=spectra, segment_ms=segment_ms):
            for samples, windows in zip(clips, spectra, strict=True):
                notebook_quilt(samples, windows, segment_ms // WINDOW_MS, draw)

        def compiled(changes=changes, segment_ms=segment_ms):
            for samples, of_clip in zip(clips, changes, strict=True):
                order = segment_order(of_clip, int(draw.integers(len(of_clip))))
                joined(samples, order, segment_ms)

        def whole(segment_ms=segment_ms):
            for samples in clips:
                quilted(samples, segment_ms, draw)

        title = f"quilts of {CLIPS} clips of {SECONDS} s, segments of {segment_ms} ms, one thread"
        variants = {
            "the notebook's loops": loops,
            "compiled order and joins": compiled,
            "the notebook's spectra and loops": lambda loops=loops: loops(notebook_windows(clips)),
            "quilted: spectra, order and joins": whole,
        }
        seconds = alternate(variants, rounds=5)
        names = list(variants)
        for reference, ours in (names[:2], names[2:]):
            report(title, {name: seconds[name] for name in (reference, ours)}, reference)
        print("  " + ", ".join(f"{CLIPS / value:.0f}" for value in seconds.values()), "clips/s")


if __name__ == "__main__":
    main()
