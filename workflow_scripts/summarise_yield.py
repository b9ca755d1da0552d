"""Count the clips by split, class, status and reason."""

from music_detectors.audio.yields import summarise_yield
from music_detectors.common.job import job

with job(snakemake.log[0], snakemake.config["seed"]):
    summarise_yield(
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        status=snakemake.input.status,
        table=snakemake.output.table,
        splits=snakemake.output.splits,
    )
