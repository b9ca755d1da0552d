"""Draw the distribution of the selectivity index over units."""

from music_detectors.common.job import job
from music_detectors.figures.selectivity_index import plot_selectivity_index

with job(snakemake.log[0]):
    plot_selectivity_index(
        units=snakemake.input.units,
        networks=snakemake.params.networks,
        layer=snakemake.params.layer,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
