"""Download the files that describe the corpus, and record what they hold."""

from stages.common.job import job
from stages.corpus.metadata import fetch_metadata

with job(snakemake.log[0]):
    fetch_metadata(
        corpus=snakemake.params.corpus,
        copies=snakemake.params.copies,
        table=snakemake.output.table,
    )
