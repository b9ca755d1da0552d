"""Compute the spectrograms of one or several stimuli for one shard of clips."""

from music_detectors.common.job import job
from music_detectors.stimuli.making.spectrograms import compute_spectrogram_shards

with job(snakemake.log[0], snakemake.config["seed"]):
    compute_spectrogram_shards(
        audio=snakemake.input.audio,
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        split=snakemake.wildcards.split,
        shard=snakemake.wildcards.shard,
        stimuli=snakemake.params.stimuli,
        outputs=snakemake.output.shards,
        status=snakemake.output.status,
        seed=snakemake.params.seed,
        compared_seconds=snakemake.params.compared_seconds,
        padded=snakemake.params.padded,
        level=snakemake.input.get("level"),
        settings=snakemake.params.settings,
    )
