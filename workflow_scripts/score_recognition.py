"""Score how well a network recognises each class."""

from music_detectors.common.job import job
from music_detectors.recognition.scores import score_recognition

with job(snakemake.log[0], snakemake.config["seed"]):
    score_recognition(
        snakemake.input.train,
        snakemake.input.test,
        snakemake.input.clips,
        snakemake.input.classes,
        snakemake.input.branches,
        snakemake.input.network_clips,
        snakemake.input.blocks,
        snakemake.output.table,
        snakemake.output.left_out,
        withhold=snakemake.params.withhold,
    )
