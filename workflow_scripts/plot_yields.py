"""Draw what became of the clips, by split, reason and class."""

from music_detectors.common.job import job
from music_detectors.figures.yields import plot_yields

with job(snakemake.log[0]):
    plot_yields(
        table=snakemake.input.table,
        splits=snakemake.input.splits,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
