"""Join the acoustic covariates of a split's shards in one table."""

from music_detectors.acoustics.join import join_acoustics
from music_detectors.common.job import job

with job(snakemake.log[0], snakemake.config["seed"]):
    join_acoustics(snakemake.input.shards, snakemake.output.table)
