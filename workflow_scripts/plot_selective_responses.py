"""Draw the responses of the selective units to target and other clips."""

from music_detectors.common.job import job
from music_detectors.figures.selective_responses import plot_selective_responses

with job(snakemake.log[0]):
    plot_selective_responses(
        tables=snakemake.input.tables,
        networks=snakemake.params.networks,
        layer=snakemake.params.layer,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
