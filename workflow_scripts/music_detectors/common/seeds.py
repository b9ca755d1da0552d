"""Random draws by name: each purpose has a stream of its own, whatever else is drawn."""

import hashlib

import numpy as np

from .origins import note_draw


def seed_of(seed: int, *names: str | int) -> int:
    """Return the 63-bit seed of the draw `names` (purpose, condition, replicate ...) under `seed`.

    It is the leading bits of the SHA-256 of the names, so it is the same on every machine and
    changes with any of them. Results that are written from now on follow from the master seed.
    """
    note_draw()
    text = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return NumPy's generator (PCG64) for the draw `names` under the configured `seed`."""
    return np.random.Generator(np.random.PCG64(seed_of(seed, *names)))
