"""Compute the responses of every network of a condition to the sounds of a probe set."""

from music_detectors.common.job import job
from music_detectors.responses.compute import compute_responses

with job(snakemake.log[0], snakemake.config["seed"]):
    compute_responses(
        weights=snakemake.input.weights,
        indices=[snakemake.input.index],
        stimuli=[f"probe-{snakemake.wildcards.probe}"],
        splits=["test"],
        outputs=snakemake.output.responses,
        model=snakemake.params.model,
        device=snakemake.params.device,
        threads=snakemake.threads,
        pooled=snakemake.params.pooled,
        stored_for=snakemake.params.stored_for,
    )
