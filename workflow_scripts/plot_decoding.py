"""Draw how well the target is decoded from units and from covariates."""

from music_detectors.common.job import job
from music_detectors.figures.decoding import plot_decoding

with job(snakemake.log[0]):
    plot_decoding(
        tables=snakemake.input.tables,
        conditions=snakemake.params.conditions,
        layer=snakemake.params.layer,
        target=snakemake.params.target,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
