"""Draw average precision of natural and of target classes per condition."""

from music_detectors.common.job import job
from music_detectors.figures.average_precision import plot_average_precision

with job(snakemake.log[0]):
    plot_average_precision(
        table=snakemake.input.table,
        conditions=snakemake.params.conditions,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
