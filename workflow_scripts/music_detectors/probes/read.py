"""From the files of a probe set to its sounds, decoded, and its tables."""

import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from music_detectors.audio.decode import Decoded, check_samples, decode
from music_detectors.audio.extensions import stem
from music_detectors.audio.failures import Unusable
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.audio.storage import (
    AudioShard,
    full_scale_of,
    stacked_full_scales,
    to_float,
    to_int16,
    write_audio_shard,
)
from music_detectors.common.errors import InputError, one_line, warn
from music_detectors.common.files import check_checksum, temporary_place
from music_detectors.common.progress import progress
from music_detectors.common.tables import stacked, write_table
from music_detectors.common.urls import is_url
from music_detectors.probes.columns import REFERENCES, SOUNDS
from music_detectors.probes.places import Folder, Place
from music_detectors.probes.sets import set_named
from music_detectors.probes.settings import Listed, ProbeSet, listed, opened
from music_detectors.probes.tables import Reference, read_reference

_SYNTHESIS = f"NumPy {np.__version__}"


def read_probe(
    probe: ProbeSet,
    zip_path: str | os.PathLike | None,
    sounds: str | os.PathLike,
    table: str | os.PathLike,
    references: str | os.PathLike,
    *,
    clip_seconds: float,
    seed: int | None,
    ffmpeg: str | None,
) -> None:
    """Decode the sounds of `probe` to the audio shard `sounds`, and write its tables.

    `zip_path` is the zip of its files, if it is in one; `table` is sounds.tsv, `references`
    references.tsv. The first `clip_seconds` of a sound are kept. `seed` is the master seed, for a
    set that the workflow makes; `ffmpeg` is the configured one. Raises InputError, naming the file,
    when a table or a sound is missing, wrong, damaged or silent.
    """
    reference: Reference | None
    if probe.is_made:
        assert seed is not None
        rows, decoded, reference = _made(probe, seed, clip_seconds)
    else:
        if is_url(probe.zip):
            check_checksum(str(zip_path), "zip")
        with opened(probe, None if zip_path is None else str(zip_path)) as place:
            found = listed(probe, place)
            _warn_of_others(place, found)
            reference = _reference(found)
            rows, decoded = _decoded(place, found, clip_seconds, ffmpeg)
    length = round(clip_seconds * SAMPLE_RATE)
    samples = np.zeros((len(decoded), length), dtype=np.int16)
    full_scales = []
    for number, (row, of_sound) in enumerate(zip(rows, decoded, strict=True)):
        kept = _checked(row, of_sound.samples[:length])
        full_scales.append(full_scale_of(kept))
        stored = to_int16(kept, full_scales[-1])
        samples[number, : len(stored)] = stored
        row |= {
            "n_samples": len(stored),
            "cut": len(of_sound.samples) > length,
            "rms_db": check_samples(to_float(stored, full_scales[-1]), None, -math.inf).rms_db,
            "decoder": of_sound.decoder,
            "decoder_version": of_sound.decoder_version,
        }
    listing = pd.DataFrame(rows, columns=list(SOUNDS))
    n_cut = int(listing["cut"].sum())
    if n_cut:
        first = listing.loc[listing["cut"], "sound"].iloc[0]
        warn(
            f"{probe.key}: {n_cut} of {len(listing)} sounds, such as {one_line(first, 80)}, are "
            f"longer than corpus.clip_seconds; their first {clip_seconds:g} s are played"
        )
    decoders = {of_sound.decoder: of_sound.decoder_version for of_sound in decoded}
    write_audio_shard(
        sounds,
        AudioShard(
            samples=samples,
            n_samples=listing["n_samples"].to_numpy(),
            clip_id=listing["sound"].tolist(),
            sample_rate=SAMPLE_RATE,
            decoder=", ".join(decoders),
            decoder_version=", ".join(decoders.values()),
            full_scale=stacked_full_scales(full_scales),
        ),
    )
    write_table(table, listing, SOUNDS)
    write_table(references, _long(reference), REFERENCES)


def _made(
    probe: ProbeSet, seed: int, clip_seconds: float
) -> tuple[list[dict], list[Decoded], Reference]:
    """Return the rows, the sounds and the reference profiles of a set that the workflow makes."""
    own = set_named(probe.name)
    made = own.synthesised(seed)
    rows = [
        {"sound": one.sound, "category": one.category, "file": f"synthesis of {one.sound}"}
        for one in made
    ]
    length = round(clip_seconds * SAMPLE_RATE)
    profiles = own.profiles_of([one.samples[:length] for one in made])
    reference = Reference(
        [one.sound for one in made],
        list(profiles),
        np.column_stack([profiles[name] for name in profiles]).astype(np.float64),
    )
    return rows, [Decoded(one.samples, "synthesis", _SYNTHESIS) for one in made], reference


def _decoded(
    place: Place, found: Listed, clip_seconds: float, ffmpeg: str | None
) -> tuple[list[dict], list[Decoded]]:
    rows, decoded = [], []
    # A little more than a clip, so that a longer recording is noticed.
    seconds = clip_seconds + 0.1
    with tempfile.TemporaryDirectory(prefix="probe-", dir=temporary_place()) as folder:
        files = found.files.items()
        for sound, name in progress(files, len(files), "sounds of the probe set"):
            if isinstance(place, Folder):
                path = place.path / name
            else:
                # The name in a zip is not used for a file; its ending says what is in it.
                path = Path(folder, "sound" + PurePosixPath(name).suffix)
                content = place.read(name)
                try:
                    path.write_bytes(content)
                except OSError as error:
                    error.filename = error.filename or str(path)
                    raise
            origin = f"{place}/{name}"
            try:
                one = decode(path, 0.0, seconds, ffmpeg)
            except Unusable as error:
                why = error.message.replace(str(path), one_line(name, 80))
                raise InputError(
                    f"{origin}: sound {one_line(sound, 80)} cannot be decoded ({why}); replace it"
                ) from error
            rows.append({"sound": sound, "category": found.categories[sound], "file": origin})
            decoded.append(one)
    return rows, decoded


def _checked(row: Mapping, samples: np.ndarray) -> np.ndarray:
    """Return `samples` (n,). Raises InputError for a sound without a level."""
    problem = ""
    if check_samples(samples, None, -math.inf).status == "nonfinite":
        problem = "is not finite"
    elif not to_int16(samples).any():
        problem = "is silent"
    if problem:
        raise InputError(
            f"{row['file']}: sound {one_line(row['sound'], 80)} {problem}, so its level cannot be "
            "set; replace it, or take it out of the table of categories"
        )
    return samples


def _reference(found: Listed) -> Reference | None:
    if found.reference is None:
        return None
    return read_reference(found.reference.content, found.reference.origin, list(found.categories))


def _long(reference: Reference | None) -> pd.DataFrame:
    """Return the rows of references.tsv, sound by sound."""
    if reference is None:
        return stacked([], REFERENCES)
    n, k = reference.responses.shape
    return pd.DataFrame(
        {
            "sound": np.repeat(reference.sounds, k),
            "component": np.tile(reference.components, n),
            "response": reference.responses.ravel(),
        }
    )


def _warn_of_others(place: Place, found: Listed) -> None:
    """Warn of sound files that the table of categories does not name."""
    stems = {stem(name.rpartition("/")[2]) for name in found.files.values()}
    others = [
        name
        for name in place.names
        if (own := stem(name.rpartition("/")[2])) is not None and own not in stems
    ]
    if others:
        warn(
            f"{found.table.origin}: gives no category to {len(others)} sound files, such as "
            f"{one_line(others[0], 80)}; they are not played"
        )
