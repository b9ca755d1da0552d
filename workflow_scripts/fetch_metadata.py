"""Download the files that describe the corpus, and record what they hold."""

from music_detectors.common.job import job
from music_detectors.corpus.metadata import fetch_metadata

with job(snakemake.log[0], snakemake.config["seed"]):
    fetch_metadata(
        # Without what the params leave out of addresses.
        corpus=snakemake.config["corpus"],
        copies=snakemake.params.copies,
        table=snakemake.output.table,
    )
