"""Average the responses of the most and the least selective units to quilts and intact clips."""

from music_detectors.common.job import job
from music_detectors.quilts.responses import quilt_responses

with job(snakemake.log[0]):
    quilt_responses(
        indices=snakemake.input.indices,
        responses=snakemake.input.responses,
        units=snakemake.input.units,
        clips=snakemake.input.clips,
        output=snakemake.output.table,
        stimuli=snakemake.params.stimuli,
        seeds=snakemake.params.seeds,
        layer=snakemake.params.layer,
    )
