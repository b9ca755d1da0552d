"""Time the Gabor filter bank on one core, compared with filtering by FFT, filter by filter."""

import numpy as np
import torch
from scipy.signal import oaconvolve

from music_detectors.models.gabor import Gabor
from music_detectors.models.gabor.bank import gain, level_share, modulations, parts
from timing import alternate, report

CLIPS, BANDS, FRAMES = 8, 64, 802


def kernel(band: float, frame: float) -> np.ndarray:
    """Return the real part (bands, frames) float32 of a filter."""
    of_bands, of_frames = parts(band, 0), parts(frame, 1)
    level = level_share(band, frame) * np.outer(of_bands[0], of_frames[0])
    carried = np.outer(of_bands[1], of_frames[1]) - np.outer(of_bands[2], of_frames[2])
    return ((carried - level) / gain(band, frame)).astype(np.float32)


def main() -> None:
    torch.set_num_threads(1)
    draw = np.random.default_rng(1)
    log_mel = draw.normal(-40, 15, (CLIPS, BANDS, FRAMES)).astype(np.float32)
    kernels = [kernel(band, frame) for band, frame in modulations()]
    model, clips = Gabor(), torch.from_numpy(log_mel)

    def directly() -> np.ndarray:
        responses = np.empty((CLIPS, len(kernels)), np.float32)
        for unit, values in enumerate(kernels):
            around = [(0, 0), *((size // 2, size // 2) for size in values.shape)]
            padded = np.pad(log_mel, around, mode="edge")
            filtered = oaconvolve(padded, values[None], mode="valid", axes=(1, 2))
            responses[:, unit] = np.maximum(filtered, 0).mean(axis=(1, 2))
        return responses

    def separably() -> np.ndarray:
        with torch.inference_mode():
            return model.responses({}, clips)["filters"].numpy()

    variants = {"each filter by FFT, every frame": directly, "this workflow": separably}
    seconds = alternate(variants, rounds=3)
    title = f"263 Gabor filters, {CLIPS} clips of {BANDS} x {FRAMES}, one thread"
    report(title, seconds, next(iter(seconds)))
    print("  " + ", ".join(f"{CLIPS / value:.1f}" for value in seconds.values()), "clips/s")
    whole = directly()
    off = np.abs(separably() - whole)[:, whole.mean(axis=0) > 0]
    off /= whole[:, whole.mean(axis=0) > 0]
    print(f"  averaging some of the frames changes a response by {off.mean():.2%} (mean)")


if __name__ == "__main__":
    main()
