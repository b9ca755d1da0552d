"""Write where each clip of a split is in its spectrogram shards."""

from music_detectors.common.job import job
from music_detectors.spectrograms.shard import index_spectrograms

with job(snakemake.log[0], snakemake.config["seed"]):
    index_spectrograms(
        shards=snakemake.input.shards,
        clips=snakemake.input.clips,
        split=snakemake.wildcards.split,
        output=snakemake.output.index,
    )
