"""Draw where t-SNE puts target and other clips, and how far apart they lie."""

from music_detectors.common.job import job
from music_detectors.figures.embedding import plot_embedding

with job(snakemake.log[0]):
    plot_embedding(
        points=snakemake.input.points,
        segregation=snakemake.input.segregation,
        conditions=snakemake.params.conditions,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
