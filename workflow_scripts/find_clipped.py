"""Count the clips that are clipped."""

from music_detectors.audio.clipping import find_clipped
from music_detectors.common.job import job

with job(snakemake.log[0], snakemake.config["seed"]):
    find_clipped(
        {"train": snakemake.input.train, "test": snakemake.input.test},
        snakemake.output.table,
    )
