"""Compute the responses of a network's units to every clip of a stimulus."""

from music_detectors.common.job import job
from music_detectors.responses.compute import compute_responses

with job(snakemake.log[0]):
    compute_responses(
        weights=snakemake.input.weights,
        indices={"train": snakemake.input.train, "test": snakemake.input.test},
        stimulus=snakemake.wildcards.stimulus,
        outputs={"train": snakemake.output.train, "test": snakemake.output.test},
        model=snakemake.params.model,
        device=snakemake.params.device,
        threads=snakemake.threads,
    )
