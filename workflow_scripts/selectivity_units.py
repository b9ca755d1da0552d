"""Compute the statistics of every unit of a network."""

from music_detectors.common.job import job
from music_detectors.selectivity.units import selectivity_units

with job(snakemake.log[0], snakemake.config["seed"]):
    selectivity_units(
        snakemake.input.train,
        snakemake.input.test,
        snakemake.input.clips,
        snakemake.output.units,
        acoustics={
            "train": snakemake.input.acoustics_train,
            "test": snakemake.input.acoustics_test,
        },
        fraction=snakemake.params.fraction,
        permutations=snakemake.params.permutations,
        seed=snakemake.params.seed,
        condition=snakemake.wildcards.condition,
        replicate=snakemake.wildcards.seed,
    )
