"""Time log-Mel spectrograms, compared with torchaudio on 32 clips at once."""

import numpy as np
import torch
import torchaudio

from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.spectrograms.log_mel import log_mel
from timing import alternate, report

CLIPS = 32
SECONDS = 10


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    samples = rng.integers(-9_000, 9_000, (CLIPS, SECONDS * SAMPLE_RATE), dtype=np.int16)
    waveforms = torch.from_numpy(samples.astype(np.float32) / 32_768)
    transform = torch.nn.Sequential(
        torchaudio.transforms.MelSpectrogram(
            sample_rate=SAMPLE_RATE, n_fft=551, f_min=0, f_max=8_000, n_mels=64
        ),
        torchaudio.transforms.AmplitudeToDB(),
    )

    def at_once():
        with torch.inference_mode():
            return transform(waveforms).numpy()

    seconds = alternate(
        {
            f"torchaudio, {CLIPS} clips at once, from float32": at_once,
            "log_mel, clip by clip, from int16": lambda: log_mel(samples),
        },
        rounds=7,
    )
    reference = next(iter(seconds))
    report(f"log-Mel of {CLIPS} clips of {SECONDS} s, one thread", seconds, reference)
    difference = float(np.abs(log_mel(samples) - at_once()).max())
    print(f"  largest difference {difference:.1e} dB")


if __name__ == "__main__":
    main()
