"""Draw the mean response of the selective units to every class."""

from music_detectors.common.job import job
from music_detectors.figures.class_responses import plot_class_responses

with job(snakemake.log[0]):
    plot_class_responses(
        tables=snakemake.input.tables,
        condition=snakemake.params.condition,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
