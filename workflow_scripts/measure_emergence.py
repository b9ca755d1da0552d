"""Measure what a network recognises and represents after each snapshot."""

from music_detectors.common.job import job
from music_detectors.emergence.measure import measure_emergence

with job(snakemake.log[0], snakemake.config["seed"]):
    measure_emergence(
        snakemake.input.train,
        snakemake.input.test,
        snakemake.input.clips,
        snakemake.input.classes,
        snakemake.input.branches,
        snakemake.input.blocks,
        snakemake.input.matched,
        snakemake.output.table,
        snakemake.output.left_out,
        snakemake.output.points,
        withhold=snakemake.params.withhold,
        fraction=snakemake.params.fraction,
        perplexity=snakemake.params.perplexity,
        permutations=snakemake.params.permutations,
        seed=snakemake.params.seed,
        condition=snakemake.wildcards.condition,
        replicate=int(snakemake.wildcards.seed),
    )
