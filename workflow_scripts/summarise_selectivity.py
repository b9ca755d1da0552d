"""Gather the selectivity of all networks in one table."""

from stages.common.job import job
from stages.selectivity.selective import summarise_selectivity

with job(snakemake.log[0]):
    summarise_selectivity(
        snakemake.input.units, snakemake.output.table, networks=snakemake.params.networks
    )
