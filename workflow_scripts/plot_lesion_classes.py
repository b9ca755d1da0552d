"""Draw which natural classes lose most when the most selective units are silenced."""

from music_detectors.common.job import job
from music_detectors.figures.lesion_classes import plot_lesion_classes

with job(snakemake.log[0]):
    plot_lesion_classes(
        table=snakemake.input.table,
        condition=snakemake.params.condition,
        fraction=snakemake.params.fraction,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
