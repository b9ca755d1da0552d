"""Draw what natural-sound recognition loses to lesions, against random ones."""

from stages.common.job import job
from stages.figures.lesions import plot_lesions

with job(snakemake.log[0]):
    plot_lesions(
        tables=snakemake.input.tables,
        conditions=snakemake.params.conditions,
        fraction=snakemake.params.fraction,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
