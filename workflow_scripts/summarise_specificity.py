"""Compare the target with random sets of classes in all networks of a condition together."""

from music_detectors.common.job import job
from music_detectors.specificity.join import summarise_specificity

with job(snakemake.log[0], snakemake.config["seed"]):
    summarise_specificity(
        snakemake.input.measures,
        snakemake.input.sets,
        snakemake.output.networks,
        snakemake.output.left_out,
        snakemake.output.sets,
        alpha=snakemake.params.alpha,
    )
