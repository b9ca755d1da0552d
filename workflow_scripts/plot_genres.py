"""Draw what the selective units answer to each genre of the target."""

from music_detectors.common.job import job
from music_detectors.figures.genres import plot_genres

with job(snakemake.log[0]):
    plot_genres(
        tables=snakemake.input.tables,
        conditions=snakemake.params.conditions,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
