"""Draw the index of the selective units of each layer."""

from music_detectors.common.job import job
from music_detectors.figures.selectivity_by_layer import plot_selectivity_by_layer

with job(snakemake.log[0]):
    plot_selectivity_by_layer(
        table=snakemake.input.table,
        conditions=snakemake.params.conditions,
        layer=snakemake.params.layer,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
