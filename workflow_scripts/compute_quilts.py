"""Quilt one shard of clips and compute the log-Mel spectrograms of what is compared."""

import torch

from music_detectors.common.job import job
from music_detectors.stimuli.compute import compute_quilt_shard

with job(snakemake.log[0]):
    torch.set_num_threads(snakemake.threads)
    compute_quilt_shard(
        audio=snakemake.input.audio,
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        split="test",
        shard=snakemake.wildcards.shard,
        stimulus=snakemake.wildcards.stimulus,
        output=snakemake.output.shard,
        status=snakemake.output.status,
        seed=snakemake.params.seed,
        compared_seconds=snakemake.params.compared_seconds,
    )
