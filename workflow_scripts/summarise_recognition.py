"""Gather the recognition of all networks in one table."""

from stages.common.job import job
from stages.recognition.scores import summarise_recognition

with job(snakemake.log[0]):
    summarise_recognition(
        snakemake.input.tables, snakemake.output.table, networks=snakemake.params.networks
    )
