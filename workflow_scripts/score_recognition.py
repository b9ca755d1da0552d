"""Score how well a network tells each class."""

from stages.common.job import job
from stages.recognition.scores import score_recognition

with job(snakemake.log[0]):
    score_recognition(
        snakemake.input.train,
        snakemake.input.test,
        snakemake.input.clips,
        snakemake.input.classes,
        snakemake.input.network_clips,
        snakemake.output.table,
    )
