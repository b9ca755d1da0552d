"""Compute the responses of a network, after each epoch of its snapshots, to the original clips."""

from music_detectors.common.job import job
from music_detectors.responses.compute import compute_snapshot_responses

with job(snakemake.log[0], snakemake.config["seed"]):
    compute_snapshot_responses(
        snakemake.input.snapshots,
        indices=[snakemake.input.train, snakemake.input.test],
        splits=["train", "test"],
        outputs=[snakemake.output.train, snakemake.output.test],
        model=snakemake.params.model,
        layer=snakemake.params.layer,
        device=snakemake.params.device,
        threads=snakemake.threads,
        pooled=snakemake.params.pooled,
    )
