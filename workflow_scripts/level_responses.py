"""Compare the responses to the target at several levels with those to other sounds."""

from music_detectors.common.job import job
from music_detectors.levels.responses import level_responses

with job(snakemake.log[0], snakemake.config["seed"]):
    level_responses(
        indices=snakemake.input.indices,
        responses=snakemake.input.responses,
        units=snakemake.input.units,
        clips=snakemake.input.clips,
        blocks=snakemake.input.blocks,
        output=snakemake.output.table,
        left_out=snakemake.output.left_out,
        levels_db=snakemake.params.levels_db,
        seeds=snakemake.params.seeds,
        layer=snakemake.params.layer,
    )
