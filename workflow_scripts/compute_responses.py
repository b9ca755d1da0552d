"""Compute the responses of one or several networks' units to every clip."""

from music_detectors.common.job import job
from music_detectors.responses.compute import compute_responses

with job(snakemake.log[0], snakemake.config["seed"]):
    compute_responses(
        weights=snakemake.input.weights,
        indices=[snakemake.input.train, snakemake.input.test],
        stimuli=[snakemake.wildcards.stimulus] * 2,
        splits=["train", "test"],
        outputs=[*snakemake.output.train, *snakemake.output.test],
        model=snakemake.params.model,
        device=snakemake.params.device,
        threads=snakemake.threads,
        pooled=snakemake.params.pooled,
        stored_for=snakemake.params.stored_for,
    )
