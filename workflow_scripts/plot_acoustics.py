"""Draw the effect of the target before and after acoustic covariates."""

from music_detectors.common.job import job
from music_detectors.figures.acoustics import plot_acoustics

with job(snakemake.log[0]):
    plot_acoustics(
        table=snakemake.input.table,
        conditions=snakemake.params.conditions,
        layer=snakemake.params.layer,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
