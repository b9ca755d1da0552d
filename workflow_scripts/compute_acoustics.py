"""Compute the acoustic covariates of the clips of one shard."""

from music_detectors.acoustics.compute import compute_acoustics_shard
from music_detectors.common.job import job

with job(snakemake.log[0], snakemake.config["seed"]):
    compute_acoustics_shard(
        audio=snakemake.input.audio,
        spectrograms=snakemake.input.spectrograms,
        table=snakemake.output.table,
    )
