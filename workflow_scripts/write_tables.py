"""Write the statistics of all units, and their responses to classes, as Parquet files."""

from music_detectors.common.job import job
from music_detectors.deposit.tables import write_tables

with job(snakemake.log[0], snakemake.config["seed"]):
    write_tables(
        snakemake.input.units,
        snakemake.input.responses,
        snakemake.input.clips,
        snakemake.input.classes,
        snakemake.output.units,
        snakemake.output.responses,
        analysed=snakemake.params.analysed,
        networks=snakemake.params.networks,
        layer=snakemake.params.layer,
    )
