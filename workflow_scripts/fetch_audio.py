"""Ask the network for one shard of clips, and keep what comes as it came."""

from music_detectors.audio.fetch import fetch_recordings
from music_detectors.common.job import job

with job(snakemake.log[0], snakemake.config["seed"]):
    fetch_recordings(
        snakemake.input.clips,
        snakemake.wildcards.split,
        snakemake.wildcards.shard,
        snakemake.output.fetched,
        journal=snakemake.params.journal,
        # What of it decides on the output is among the params too, and the rest reruns nothing.
        settings=snakemake.config["audio"],
        archives=snakemake.input.get("archives"),
        manifest=snakemake.params.manifest,
    )
