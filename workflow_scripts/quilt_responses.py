"""Average the responses of the most and the least selective units to quilts, and compare them."""

from music_detectors.common.job import job
from music_detectors.quilts.responses import quilt_responses

with job(snakemake.log[0], snakemake.config["seed"]):
    quilt_responses(
        indices=snakemake.input.indices,
        responses=snakemake.input.responses,
        units=snakemake.input.units,
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        blocks=snakemake.input.blocks,
        tables=dict(snakemake.output.items()),
        stimuli=snakemake.params.stimuli,
        segment_ms=snakemake.params.segment_ms,
        splits=snakemake.params.splits,
        seeds=snakemake.params.seeds,
        layer=snakemake.params.layer,
    )
