"""List where the recordings are in the configured tar archives."""

from music_detectors.audio.archives import index_archives
from music_detectors.common.job import job

with job(snakemake.log[0], snakemake.config["seed"]):
    index_archives(snakemake.input.archives, snakemake.output.index, snakemake.params.recordings)
