"""Compute the log-Mel spectrograms of one shard."""

import torch

from stages.common.job import job
from stages.spectrograms.compute import compute_spectrogram_shard

with job(snakemake.log[0]):
    torch.set_num_threads(snakemake.threads)
    compute_spectrogram_shard(
        audio=snakemake.input.audio,
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        split=snakemake.wildcards.split,
        shard=snakemake.wildcards.shard,
        stimulus=snakemake.wildcards.stimulus,
        output=snakemake.output.shard,
    )
