"""Decode one shard of clips to mono int16, with a status for every clip."""

from music_detectors.audio.shard import decode_shard
from music_detectors.common.job import job

with job(snakemake.log[0], snakemake.config["seed"]):
    decode_shard(
        snakemake.input.clips,
        snakemake.wildcards.split,
        snakemake.wildcards.shard,
        audio=snakemake.output.shard,
        status=snakemake.output.status,
        # What of it decides on the outputs is among the params too, and the rest reruns nothing.
        settings=snakemake.config["audio"],
        clip_seconds=snakemake.params.clip_seconds,
        fetched=snakemake.input.get("fetched"),
        archives=snakemake.input.get("archives"),
        seed=snakemake.params.seed,
        state=snakemake.params.recordings,
        dropped=snakemake.params.dropped,
    )
