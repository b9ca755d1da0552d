"""Draw recognition against the share of units silenced."""

from stages.common.job import job
from stages.figures.lesion_dose import plot_lesion_dose

with job(snakemake.log[0]):
    plot_lesion_dose(
        tables=snakemake.input.tables,
        conditions=snakemake.params.conditions,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
