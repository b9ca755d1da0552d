"""Draw the responses to quilts against the length of their segments."""

from stages.common.job import job
from stages.figures.quilts import plot_quilts

with job(snakemake.log[0]):
    plot_quilts(
        tables=snakemake.input.tables,
        conditions=snakemake.params.conditions,
        layer=snakemake.params.layer,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
