"""Draw training loss and validation average precision by epoch."""

from music_detectors.common.job import job
from music_detectors.figures.learning_curves import plot_learning_curves

with job(snakemake.log[0]):
    plot_learning_curves(
        histories=snakemake.input.histories,
        networks=snakemake.params.networks,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
