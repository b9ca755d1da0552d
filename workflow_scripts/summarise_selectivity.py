"""Gather the selectivity of all networks in one table."""

from music_detectors.common.job import job
from music_detectors.selectivity.summary import summarise_selectivity

with job(snakemake.log[0], snakemake.config["seed"]):
    summarise_selectivity(
        snakemake.input.units,
        snakemake.input.clips,
        snakemake.input.acoustics,
        snakemake.input.blocks,
        snakemake.output.table,
        snakemake.output.left_out,
        snakemake.output.balance,
        networks=snakemake.params.networks,
        layer=snakemake.params.layer,
        target=snakemake.params.target,
    )
