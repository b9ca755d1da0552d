"""Put the claims of several corpora on one page."""

from music_detectors.common.job import job
from music_detectors.corpora.compare import compare_corpora

with job(snakemake.log[0]):
    compare_corpora(
        snakemake.params.named,
        snakemake.params.results,
        snakemake.output.claims,
        snakemake.output.estimates,
        snakemake.output.svg,
        snakemake.output.png,
        snakemake.output.page,
        alpha=snakemake.params.alpha,
    )
