"""Compare the target with random sets of classes, in a network, and measure it on held-out ones."""

from music_detectors.common.job import job
from music_detectors.specificity.measure import measure_specificity

with job(snakemake.log[0], snakemake.config["seed"]):
    measure_specificity(
        snakemake.input.train,
        snakemake.input.test,
        snakemake.input.clips,
        snakemake.input.classes,
        snakemake.input.branches,
        snakemake.input.blocks,
        snakemake.input.matched,
        snakemake.input.points,
        snakemake.output.measures,
        snakemake.output.sets,
        withheld_others=snakemake.params.withheld_others,
        layer=snakemake.params.layer,
        fraction=snakemake.params.fraction,
        seed=snakemake.params.seed,
        replicate=int(snakemake.wildcards.seed),
    )
