"""Time the training of one network on a GPU, compared with the time of its arithmetic."""

import tempfile
import time
from pathlib import Path

import torch
from generated import generate, train

from music_detectors.common.tables import read_table
from music_detectors.training.columns import HISTORY

CLIPS, FRAMES, CLASSES, EPOCHS, VALIDATION = 12_704, 802, 527, 30, 0.1
# Floating-point operations per clip: forward and backward pass, and forward pass alone.
TRAINING_FLOP, VALIDATION_FLOP = 1.438e9, 0.4827e9


def main() -> None:
    if not torch.cuda.is_available():
        print("no GPU found")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = generate(folder, CLIPS, CLASSES, FRAMES)
        started = time.perf_counter()
        table = train(corpus, folder, EPOCHS, VALIDATION, "cuda")
        total = time.perf_counter() - started
        history = read_table(table, HISTORY)
    validation = round(VALIDATION * CLIPS)
    operations = EPOCHS * ((CLIPS - validation) * TRAINING_FLOP + validation * VALIDATION_FLOP)
    floor = operations / _bfloat16_rate()
    epochs = history["seconds"].sum()
    print(f"\n{EPOCHS} epochs on {CLIPS} clips of 64 x {FRAMES}, {torch.cuda.get_device_name()}")
    print(f"  arithmetic floor    {floor:8.2f} s   ({operations / 1e12:.0f} TFLOP)")
    print(f"  epochs              {epochs:8.2f} s   {epochs / floor:8.1f} x the floor")
    print(f"  with loading        {total:8.2f} s   {total / floor:8.1f} x the floor")
    print(f"  first epoch         {history['seconds'].iloc[0]:8.2f} s")


def _bfloat16_rate() -> float:
    """Return the floating-point operations per second of large bfloat16 products."""
    size, rounds = 8192, 20
    a = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)
    a @ a
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(rounds):
        a @ a
    torch.cuda.synchronize()
    return rounds * 2 * size**3 / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
