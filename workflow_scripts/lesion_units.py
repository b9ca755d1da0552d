"""Silence shares of the units of a network and score what it still recognises."""

from music_detectors.common.job import job
from music_detectors.lesions.units import lesion_units

with job(snakemake.log[0], snakemake.config["seed"]):
    lesion_units(
        snakemake.params.model,
        snakemake.input.weights,
        snakemake.input.train,
        snakemake.input.test,
        snakemake.input.units,
        snakemake.input.clips,
        snakemake.input.classes,
        snakemake.input.branches,
        snakemake.input.index,
        snakemake.input.blocks,
        snakemake.output.lesions,
        snakemake.output.classes,
        snakemake.output.left_out,
        replicate=int(snakemake.wildcards.seed),
        layer=snakemake.params.layer,
        fractions=snakemake.params.fractions,
        claimed=snakemake.params.claimed,
        random_draws=snakemake.params.random_draws,
        seed=snakemake.params.seed,
        condition=snakemake.wildcards.condition,
        withhold=snakemake.params.withhold,
        device=snakemake.params.device,
        threads=snakemake.threads,
        pooled=snakemake.params.pooled,
        memory_mb=snakemake.params.memory_mb,
        journal=snakemake.params.journal,
        code=snakemake.params.code + snakemake.params.model_code,
    )
