"""Decode the sounds of a probe set, and read its tables."""

from music_detectors.common.job import job
from music_detectors.probes.read import read_probe
from music_detectors.probes.settings import ProbeSet

with job(snakemake.log[0], snakemake.config["seed"]):
    read_probe(
        ProbeSet(**snakemake.params.probe, target=snakemake.params.target),
        snakemake.params.zip,
        sounds=snakemake.output.sounds,
        table=snakemake.output.table,
        references=snakemake.output.references,
        clip_seconds=snakemake.params.clip_seconds,
        seed=snakemake.params.seed,
        ffmpeg=snakemake.params.ffmpeg,
    )
