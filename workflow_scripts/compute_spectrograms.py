"""Compute the log-Mel spectrograms of one shard."""

import torch

from music_detectors.common.job import job
from music_detectors.spectrograms.compute import compute_spectrogram_shard

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
