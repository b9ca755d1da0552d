"""Compare the responses to quilts, relative to intact clips, between conditions."""

from music_detectors.common.job import job
from music_detectors.quilts.conditions import compare_quilts

with job(snakemake.log[0], snakemake.config["seed"]):
    compare_quilts(
        tables=dict(zip(snakemake.params.conditions, snakemake.input.tables, strict=True)),
        output=snakemake.output.table,
        reference=snakemake.params.reference,
    )
