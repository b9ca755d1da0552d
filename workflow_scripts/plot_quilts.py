"""Draw the responses to quilts against the length of their segments."""

from music_detectors.common.job import job
from music_detectors.figures.quilts import plot_quilts

with job(snakemake.log[0]):
    plot_quilts(
        tables=snakemake.input.tables,
        conditions=snakemake.params.conditions,
        layer=snakemake.params.layer,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
