"""Which of several GPUs a job computes on, so that jobs side by side spread over them."""

import errno
import itertools
import logging
import socket
import sys
from collections.abc import Sequence
from typing import NamedTuple


class Claim(NamedTuple):
    """A place on a GPU, held until the process ends, however it ends.

    `gpu` is the place in the list of GPUs, `slot` how many claims came before this one on the GPU.
    """

    gpu: int
    slot: int
    held: socket.socket | None


def claim_gpu(uuids: Sequence[str]) -> Claim:
    """Claim a place on the GPU with most room among those with the ids `uuids` (at least one).

    The first slot of every GPU is tried, then the second of every GPU, and so on: if at most n jobs
    run at a time and see the same g GPUs, each GPU has at most n / g of them, rounded up. A claim
    is a socket in Linux' abstract namespace: it is no file, and it ends with the process, even a
    killed one. Its name does not contain the user, so the jobs of all users of a machine spread;
    jobs in containers with a network of their own do not see it. On other systems the first GPU is
    used, without a claim.
    """
    if not sys.platform.startswith("linux"):
        return Claim(0, 0, None)
    for slot in itertools.count():
        for gpu, uuid in enumerate(uuids):
            held = _bound(f"music-detectors/gpu/{uuid}/{slot}")
            if held is not None:
                logging.info("GPU %d of %d (%s), slot %d", gpu, len(uuids), uuid, slot)
                return Claim(gpu, slot, held)
    raise AssertionError("slots do not end")


def _bound(name: str) -> socket.socket | None:
    """Return a socket called `name` on this machine, or None if the name is taken."""
    # Programs that the process starts do not inherit it.
    held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        held.bind(b"\0" + name.encode())
    except OSError as error:
        held.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return held
