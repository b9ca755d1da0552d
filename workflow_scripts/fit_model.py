"""Compute what a fixed model needs from the train clips."""

from music_detectors.common.job import job
from music_detectors.models.find import check_reported
from music_detectors.training.fit import fit_model

with job(snakemake.log[0], snakemake.config["seed"]):
    check_reported(
        snakemake.params.model,
        snakemake.params.key,
        snakemake.params.layer,
        snakemake.params.models,
        trained=False,
    )
    fit_model(
        index=snakemake.input.index,
        weights=snakemake.output.weights,
        model=snakemake.params.model,
        key=snakemake.params.key,
        condition=snakemake.wildcards.condition,
        replicate=int(snakemake.wildcards.seed),
        threads=snakemake.threads,
    )
