"""Divide the test clips into the blocks that are left out in turn."""

from music_detectors.common.job import job
from music_detectors.jackknife.assign import assign_blocks

with job(snakemake.log[0], snakemake.config["seed"]):
    assign_blocks(
        clips=snakemake.input.clips,
        status=snakemake.input.status,
        blocks=snakemake.output.blocks,
        sounds=snakemake.params.sounds,
        seed=snakemake.params.seed,
    )
