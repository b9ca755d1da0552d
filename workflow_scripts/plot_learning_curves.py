"""Draw training loss and validation average precision by epoch."""

from stages.common.job import job
from stages.figures.learning_curves import plot_learning_curves

with job(snakemake.log[0]):
    plot_learning_curves(
        histories=snakemake.input.histories,
        networks=snakemake.params.networks,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
