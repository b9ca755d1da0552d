"""Draw recognition against the share of units silenced."""

from music_detectors.common.job import job
from music_detectors.figures.lesion_dose import plot_lesion_dose

with job(snakemake.log[0]):
    plot_lesion_dose(
        tables=snakemake.input.tables,
        conditions=snakemake.params.conditions,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
