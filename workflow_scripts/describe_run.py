"""Write the configuration and the description of the run for a repository."""

from music_detectors.common.job import job
from music_detectors.deposit.crate import describe_run

with job(snakemake.log[0], snakemake.config["seed"]):
    describe_run(
        snakemake.input.files,
        snakemake.input.claims,
        snakemake.input.weights,
        snakemake.input.report,
        snakemake.output.configuration,
        snakemake.output.crate,
        config=snakemake.params.config,
    )
