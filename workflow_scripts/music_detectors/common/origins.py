"""What a stored file says of its origin, and whether that fits the job that reads it.

A result says where among the results it belongs, from which master seed its random draws are, and
which networks it is about, by the digests of their weights. A job notes what it draws and what the
files that it reads say, and its own files say the same. So a result that changed places with
another, or that comes from another seed or another training, is found by a job that reads it.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .damage import checksum_path, damaged, rebuild
from .errors import InputError, one_line

_RESULTS = "results"
# A plan outlives the runs that it is compared with.
_PLAN = "plan/"
_SEED, _NETWORK = "seed", "network"
_SNAPSHOTS = "snapshots"


@dataclass
class _Job:
    """What the results of this process follow from; `networks` has digest and file by name."""

    seed: int
    has_drawn: bool = False
    networks: dict[str, tuple[str, Path]] = field(default_factory=dict)


_job: _Job | None = None


@contextmanager
def noting_origins(seed: int | None) -> Iterator[None]:
    """Note and compare what files follow from while the block runs; `seed` is the master seed.

    Without a seed, only their places are compared.
    """
    global _job
    _job = None if seed is None else _Job(seed)
    try:
        yield
    finally:
        _job = None


def note_draw() -> None:
    """Note that results from now on follow from the master seed."""
    if _job is not None:
        _job.has_drawn = True


def note_network(path: str | os.PathLike, kind: str, digest: str) -> None:
    """Note that the `kind` of file at `path` is of the network whose weights have this SHA-256.

    Raises InputError when a file that this job has read is of another network of the same name.
    """
    name = _network_of(place_of(path))
    if name:
        _note_network(path, kind, name, digest[:16])


def place_of(path: str | os.PathLike) -> str:
    """Return the path of a result below `results/<corpus>/`, and nothing for other files."""
    parts = Path(path).absolute().parts
    if _RESULTS not in parts:
        return ""
    below = len(parts) - parts[::-1].index(_RESULTS) + 1
    return "/".join(parts[below:])


def followed_by(path: str | os.PathLike) -> list[str]:
    """Return what a result that is written to `path` now follows from, as `check_origin` reads it.

    These are `seed N` and, for each network, `network CONDITION/seed-REPLICATE DIGEST`.
    """
    place = place_of(path)
    if _job is None or not place or place.startswith(_PLAN):
        return []
    seeds = [f"{_SEED} {_job.seed}"] if _job.has_drawn else []
    # A file of one network is the same whichever others the job reads.
    own = _network_of(place)
    networks = [
        f"{_NETWORK} {name} {digest}"
        for name, (digest, _) in _job.networks.items()
        if own in ("", name)
    ]
    return seeds + sorted(networks)


def check_origin(
    path: str | os.PathLike, kind: str, place: str, follows: Sequence[str] = ()
) -> None:
    """Raise InputError unless the `kind` of file at `path` is what this job asked for.

    It was written as `place`, from what `follows` says; files of earlier versions say nothing.
    """
    belongs = tuple(filter(None, place.split("/")))
    if belongs and Path(path).absolute().parts[-len(belongs) :] != belongs:
        raise InputError(
            f"{path}: holds the {kind} written as {one_line(place)}, which was moved or changed "
            f"places with another; {_rebuild(path)}"
        )
    if _job is None or place.startswith(_PLAN):
        return
    for line in follows:
        match line.split(" "):
            case [word, seed] if word == _SEED:
                if seed != str(_job.seed):
                    raise InputError(
                        f"{path}: holds the {kind} of the master seed {one_line(seed)}, but seed "
                        f"is {_job.seed} in the configuration; {_rebuild(path)}"
                    )
                note_draw()
            case [word, name, digest] if word == _NETWORK:
                _note_network(path, kind, name, digest)
            case _:
                raise damaged(path, kind, f"it follows from {line}", *_beside(path))


def _note_network(path: str | os.PathLike, kind: str, name: str, digest: str) -> None:
    if _job is None:
        return
    known, other = _job.networks.setdefault(name, (digest, Path(path)))
    if known != digest:
        raise InputError(
            f"{path}: holds the {kind} of another network {one_line(name)} than {other}; "
            f"{_rebuild(path, other)}"
        )


def _network_of(place: str) -> str:
    """Return the name of the network whose weights, snapshots or responses belong at `place`."""
    match place.split("/"):
        case ["networks", condition, seed, "weights.safetensors"]:
            return f"{condition}/{seed}"
        case ["networks", condition, seed, "snapshots.safetensors"]:
            return f"{condition}/{seed}/{_SNAPSHOTS}"
        case ["responses", condition, seed, stimulus, _]:
            return f"{condition}/{seed}" + (f"/{stimulus}" if stimulus == _SNAPSHOTS else "")
    return ""


def _rebuild(*paths: str | os.PathLike) -> str:
    return rebuild(*(one for path in paths for one in (path, *_beside(path))))


def _beside(path: str | os.PathLike) -> list[Path]:
    return [beside for beside in [checksum_path(path)] if beside.exists()]
