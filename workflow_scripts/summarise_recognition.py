"""Gather the recognition of all networks in one table."""

from music_detectors.common.job import job
from music_detectors.recognition.scores import summarise_recognition

with job(snakemake.log[0], snakemake.config["seed"]):
    summarise_recognition(
        snakemake.input.tables,
        snakemake.input.left_out,
        snakemake.output.table,
        snakemake.output.left_out,
        networks=snakemake.params.networks,
        untaught=snakemake.params.untaught,
    )
