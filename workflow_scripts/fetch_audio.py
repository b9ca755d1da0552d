"""Decode one shard of clips to mono int16, with a status for every clip."""

from stages.audio.shard import fetch_shard
from stages.common.job import job

with job(snakemake.log[0]):
    fetch_shard(
        snakemake.input.clips,
        snakemake.wildcards.split,
        snakemake.wildcards.shard,
        audio=snakemake.output.shard,
        status=snakemake.output.status,
        seed=snakemake.params.seed,
        clip_seconds=snakemake.params.clip_seconds,
        silence_db=snakemake.params.silence_db,
        folder=snakemake.params.folder,
        ffmpeg=snakemake.params.ffmpeg,
    )
