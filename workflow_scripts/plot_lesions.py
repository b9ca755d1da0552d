"""Draw what natural-sound recognition loses to lesions, against random ones."""

from music_detectors.common.job import job
from music_detectors.figures.lesions import plot_lesions

with job(snakemake.log[0]):
    plot_lesions(
        tables=snakemake.input.tables,
        conditions=snakemake.params.conditions,
        fraction=snakemake.params.fraction,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
