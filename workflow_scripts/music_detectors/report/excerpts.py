"""The sounds that the report plays: which, how much of each, and on what terms."""

import base64
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from music_detectors.audio.level import read_level
from music_detectors.audio.rate import SAMPLE_RATE
from music_detectors.common.errors import one_line
from music_detectors.common.tables import read_table, stacked, write_table
from music_detectors.corpus.columns import CLASSES, CLIPS
from music_detectors.levels.names import level_db_of
from music_detectors.probes.spectrograms import at_level
from music_detectors.profiles.columns import PROFILE_SOUNDS
from music_detectors.quilts.names import segment_ms_of
from music_detectors.report.columns import EXCERPTS, LICENCE, SIZE
from music_detectors.report.cutting import each_sound, shortened
from music_detectors.report.licences import (
    ALL,
    LICENSED,
    MADE,
    Terms,
    is_allowed,
    terms_of_clips,
)
from music_detectors.report.vorbis import ogg_vorbis
from music_detectors.selectivity.columns import CLIP_RESPONSES
from music_detectors.spectrograms.examples import choose
from music_detectors.spectrograms.shard import read_index
from music_detectors.stimuli.making.names import ORIGINAL, find
from music_detectors.stimuli.making.stimulus import Silent, TooShort

# How many clips are most and how many least.
_EXTREMES = 4
_PEAK = 0.98


@dataclass(frozen=True)
class Excerpt:
    """A sound to play: beside which figure, under which heading, of what, and on what terms.

    `stimulus` is what is made of the clip; a sound of a probe set is named with its `probe`.
    """

    figure: str
    group: str
    title: str
    clip_id: str
    terms: Terms
    stimulus: str = ORIGINAL
    probe: str = ""


def cut_excerpts(
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    index: str | os.PathLike,
    audio: Sequence[str | os.PathLike],
    level: str | os.PathLike,
    responses: Sequence[str | os.PathLike],
    profiles: Sequence[str | os.PathLike],
    probe_sounds: Sequence[str | os.PathLike],
    output: str | os.PathLike,
    *,
    sound: str,
    megabytes: float,
    stimuli: Sequence[str],
    target: str,
    probes: Sequence[str],
    made_probes: Sequence[str],
    probe_terms: Sequence[Terms],
    is_made: bool,
    source: Mapping,
    seed: int,
    compared_seconds: float,
) -> None:
    """Write the sounds that the report plays to `output`, each at most five seconds long.

    They are one target and one other clip as each of the played `stimuli`, the test clips and the
    sounds of `probes` that the selective units answer most and least (`responses` and `profiles`
    are their tables, network by network and probe set by probe set), and the clips of the example
    spectrograms. `audio` are the shards of test clips, `probe_sounds` those of `probes`. `sound`
    says which are played: all, those that are `licensed`, or none; `made_probes`, and all clips if
    `is_made`, are synthesised, and `probe_terms` are the terms of each of
    `probes`. The source of the corpus knows the licences of others; `source` is the section
    `corpus` of the configuration. Sounds that would make the page larger by more than `megabytes`
    (10^6 bytes) are left out. Sounds of one figure have one gain. Raises InputError, naming the
    file, when one cannot be read.
    """
    found = read_table(clips, CLIPS)
    found = found[found["split"] == "test"].set_index("clip_id")
    names = read_table(classes, CLASSES)
    corpus = _Corpus(
        found.loc[read_index(index)["clip_id"]],
        names,
        terms_of_clips(source, is_made),
        allowed=lambda own: is_allowed(sound, own),
    )
    wanted: list[Excerpt] = []
    if sound in (ALL, LICENSED):
        wanted += _stimuli(corpus, read_index(index), stimuli, target)
        wanted += _most_and_least_answered(corpus, responses)
        for probe, noted, table in zip(probes, probe_terms, profiles, strict=True):
            own = MADE if probe in made_probes else (noted[0], noted[1])
            wanted += _ends_of_profile(table, probe, own)
        wanted += _examples(corpus, read_index(index))
    played = [one for one in wanted if corpus.allowed(one.terms)]
    sounds = _Sounds(audio, level, probes, probe_sounds, seed, compared_seconds)
    cut = sounds.cut(played)
    rows, size = [], 0
    for one in wanted:
        row = {
            "figure": one.figure,
            "group": one.group,
            "title": one.title,
            "clip_id": one.clip_id,
            "licence": one_line(one.terms[0], 200),
            "attribution": one_line(one.terms[1], 200),
            "seconds": 0.0,
            "left_out": LICENCE,
            "ogg": "",
        }
        if corpus.allowed(one.terms):
            samples = cut.get(one)
            if samples is None:
                continue
            ogg = base64.b64encode(ogg_vorbis(samples, SAMPLE_RATE)).decode("ascii")
            row |= {"seconds": len(samples) / SAMPLE_RATE, "left_out": SIZE}
            if size + len(ogg) <= megabytes * 1e6:
                size += len(ogg)
                row |= {"left_out": "", "ogg": ogg}
        rows.append(row)
    table = pd.DataFrame(rows) if rows else stacked([], EXCERPTS)
    write_table(output, table, EXCERPTS)
    n_played = int((table["left_out"] == "").sum())
    logging.info("%d of %d sounds are played, %.1f MB", n_played, len(table), size / 1e6)


@dataclass(frozen=True)
class _Corpus:
    """The usable test `clips` by id, the classes, and the terms of a clip and what they allow."""

    clips: pd.DataFrame
    classes: pd.DataFrame
    terms: Callable[[str], Terms]
    allowed: Callable[[Terms], bool]

    def title(self, clip_id: str) -> str:
        """Return the names of the classes of a clip."""
        names = self.classes.set_index("mid")["name"]
        labels = self.clips.loc[clip_id, "labels"].split(";")
        return ", ".join(names.get(label, label) for label in labels)

    def preferred(self, clip_ids: Sequence[str]) -> list[str]:
        """Return those of `clip_ids` that may be played, or all if none may."""
        allowed = [one for one in clip_ids if self.allowed(self.terms(one))]
        return allowed or list(clip_ids)


def _stimuli(
    corpus: _Corpus, index: pd.DataFrame, stimuli: Sequence[str], target: str
) -> Iterator[Excerpt]:
    """Yield one target and one other clip as each of `stimuli`: complete, with few labels."""
    ranked = index.assign(
        cut=index["n_frames"] < index["n_frames"].max(),
        n_labels=index["clip_id"].map(corpus.clips["labels"].str.count(";")),
        role=index["clip_id"].map(corpus.clips["role"]),
    ).sort_values(["cut", "n_labels"], kind="stable")
    levels = sorted(
        (name for name in stimuli if level_db_of(name) is not None),
        key=lambda name: -(level_db_of(name) or 0),
    )
    quilts = sorted(
        (name for name in stimuli if level_db_of(name) is None),
        key=lambda name: segment_ms_of(name) or 0,
    )
    for figure, names in (("quilts", quilts), ("levels", levels)):
        for role, what in (("target", target), ("other", "Other")):
            clip_ids = corpus.preferred(ranked.loc[ranked["role"] == role, "clip_id"].tolist())
            for name in names if clip_ids else ():
                yield Excerpt(
                    figure,
                    f"{what}: {corpus.title(clip_ids[0])}",
                    _stimulus_title(name),
                    clip_ids[0],
                    corpus.terms(clip_ids[0]),
                    stimulus=name,
                )


def _stimulus_title(name: str) -> str:
    if (level_db := level_db_of(name)) is not None:
        return f"{-level_db} dB below the corpus's level" if level_db else "the corpus's level"
    if (segment_ms := segment_ms_of(name)) is not None:
        return f"segments of {segment_ms} ms"
    return name


def _most_and_least_answered(
    corpus: _Corpus, responses: Sequence[str | os.PathLike]
) -> Iterator[Excerpt]:
    """Yield the clips with the largest and the smallest mean response, one of a recording."""
    tables = [
        read_table(path, CLIP_RESPONSES, only=("clip_id", "split", "response"))
        for path in responses
    ]
    every = pd.concat(tables, ignore_index=True)
    every = every[(every["split"] == "test") & every["clip_id"].isin(corpus.clips.index)]
    means = every.groupby("clip_id", sort=False)["response"].mean()
    means = means.loc[corpus.preferred(means.index.tolist())]
    groups = corpus.clips.loc[means.index, "group"]
    for end, ascending in (("most", False), ("least", True)):
        group = f"answered {end} (mean over the networks of the claims)"
        ranked = means.sort_values(ascending=ascending, kind="stable")
        first = ranked[~groups.loc[ranked.index].duplicated()].head(_EXTREMES)
        for clip_id, response in first.items():
            title = f"{corpus.title(clip_id)} (response {response:.3g})"
            yield Excerpt("selective_responses", group, title, clip_id, corpus.terms(clip_id))


def _ends_of_profile(table: str | os.PathLike, probe: str, terms: Terms) -> Iterator[Excerpt]:
    """Yield the sounds at the top and at the bottom of the profile over a probe set."""
    sounds = read_table(table, PROFILE_SOUNDS)
    means = sounds.groupby(["sound", "category"], sort=False)["response"].mean().reset_index()
    for end, ascending in (("top", False), ("bottom", True)):
        ranked = means.sort_values("response", ascending=ascending, kind="stable")
        for _, row in ranked.head(_EXTREMES).iterrows():
            title = f"{row['sound']} ({row['category']}, response {row['response']:.3g})"
            yield Excerpt(
                "profile_sounds", f"{probe}, {end}", title, row["sound"], terms, probe=probe
            )


def _examples(corpus: _Corpus, index: pd.DataFrame) -> Iterator[Excerpt]:
    mids = corpus.clips.loc[index["clip_id"], "labels"].str.split(";").tolist()
    for branch, rows in choose(index.assign(mids=mids), corpus.classes).items():
        for clip_id in rows["clip_id"]:
            yield Excerpt(
                "example_spectrograms",
                branch,
                corpus.title(clip_id),
                clip_id,
                corpus.terms(clip_id),
            )


class _Sounds:
    """Where the sounds are, and how they are cut."""

    def __init__(
        self,
        audio: Sequence[str | os.PathLike],
        level: str | os.PathLike,
        probes: Sequence[str],
        probe_sounds: Sequence[str | os.PathLike],
        seed: int,
        compared_seconds: float,
    ) -> None:
        self._audio = audio
        self._level = level
        self._probes = dict(zip(probes, probe_sounds, strict=True))
        self._seed = seed
        self._compared = round(compared_seconds * SAMPLE_RATE)

    def cut(self, wanted: Sequence[Excerpt]) -> dict[Excerpt, np.ndarray]:
        """Return the samples (n,) float32 of those that can be made, with one gain per figure."""
        made: dict[Excerpt, np.ndarray] = {}
        clips = dict(each_sound(self._audio, {one.clip_id for one in wanted if not one.probe}))
        rms = read_level(self._level)
        for one in wanted:
            if one.probe:
                continue
            try:
                made[one] = self._stimulus(one, clips[one.clip_id], rms)
            except (TooShort, Silent) as error:
                logging.warning("%s, %s: %s", one.stimulus, one.clip_id, error)
        for probe, path in self._probes.items():
            of_probe = [one for one in wanted if one.probe == probe]
            sounds = dict(each_sound([path], {one.clip_id for one in of_probe}))
            made |= {one: shortened(at_level(sounds[one.clip_id], rms)) for one in of_probe}
        peaks: dict[str, float] = {}
        for one, samples in made.items():
            peak = float(np.abs(samples).max(initial=0.0))
            peaks[one.figure] = max(peak, peaks.get(one.figure, 0.0))
        return {
            one: samples * np.float32(_PEAK / peaks[one.figure]) if peaks[one.figure] else samples
            for one, samples in made.items()
        }

    def _stimulus(self, one: Excerpt, samples: np.ndarray, rms: float) -> np.ndarray:
        named = find(one.stimulus)
        made = named.make(samples, self._seed, one.clip_id, rms).samples
        return shortened(made[: self._compared] if named.stimulus.cut else made)
