"""Stop when too few clips could be had."""

from stages.audio.yields import check_audio
from stages.common.job import job

with job(snakemake.log[0]):
    check_audio(
        table=snakemake.input.table,
        splits=snakemake.input.splits,
        gate=snakemake.output.gate,
        max_bad_share=snakemake.params.max_bad_share,
        min_clips=snakemake.params.min_clips,
    )
