"""Average the responses of a network's selective units, for each clip and each class."""

from music_detectors.common.job import job
from music_detectors.selectivity.selective import selective_responses

with job(snakemake.log[0], snakemake.config["seed"]):
    selective_responses(
        snakemake.input.units,
        snakemake.input.train,
        snakemake.input.test,
        snakemake.input.clips,
        snakemake.input.classes,
        snakemake.output.clips,
        snakemake.output.classes,
        layer=snakemake.params.layer,
    )
