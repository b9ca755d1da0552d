"""Stop when too few clips are usable."""

from music_detectors.audio.yields import check_audio
from music_detectors.common.job import job

with job(snakemake.log[0], snakemake.config["seed"]):
    check_audio(
        table=snakemake.input.table,
        splits=snakemake.input.splits,
        gate=snakemake.output.gate,
        max_bad_share=snakemake.params.max_bad_share,
        min_clips=snakemake.params.min_clips,
    )
