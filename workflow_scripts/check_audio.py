"""Count the clips that could be had, and stop when too few could."""

from stages.audio.yields import check_audio
from stages.common.job import job

with job(snakemake.log[0]):
    check_audio(
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        status=snakemake.input.status,
        table=snakemake.output.table,
        max_bad_share=snakemake.params.max_bad_share,
    )
