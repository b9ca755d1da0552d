"""Compare the responses of a condition's selective units to each genre and to other clips."""

from music_detectors.common.job import job
from music_detectors.genres.responses import genre_responses

with job(snakemake.log[0], snakemake.config["seed"]):
    genre_responses(
        snakemake.input.clip_responses,
        snakemake.input.clips,
        snakemake.input.classes,
        snakemake.input.blocks,
        snakemake.output.genres,
        snakemake.output.left_out,
        replicates=snakemake.params.seeds,
    )
