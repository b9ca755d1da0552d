"""Compute the responses of every network of a condition to a played stimulus."""

from music_detectors.common.job import job
from music_detectors.responses.compute import compute_responses_of_networks

with job(snakemake.log[0]):
    compute_responses_of_networks(
        weights=snakemake.input.weights,
        index=snakemake.input.index,
        split="test",
        stimulus=snakemake.wildcards.stimulus,
        outputs=snakemake.output.responses,
        model=snakemake.params.model,
        device=snakemake.params.device,
        threads=snakemake.threads,
    )
