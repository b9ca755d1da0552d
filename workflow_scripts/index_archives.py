"""Find out where the recordings lie in the configured tar archives."""

from stages.audio.archives import index_archives
from stages.common.job import job

with job(snakemake.log[0]):
    index_archives(snakemake.input.archives, snakemake.output.index)
