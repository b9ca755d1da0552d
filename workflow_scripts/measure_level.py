"""Measure the mean RMS amplitude of the corpus."""

from music_detectors.audio.level import measure_level
from music_detectors.common.job import job

with job(snakemake.log[0], snakemake.config["seed"]):
    measure_level(status=snakemake.input.status, output=snakemake.output.level)
