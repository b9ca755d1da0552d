"""Count the clips that each condition withholds."""

from music_detectors.common.job import job
from music_detectors.corpus.withheld import summarise_conditions

with job(snakemake.log[0], snakemake.config["seed"]):
    summarise_conditions(
        snakemake.input.clips,
        snakemake.input.branches,
        snakemake.output.table,
        withhold=snakemake.params.withhold,
        target=snakemake.params.target,
        condition=snakemake.params.condition,
        withheld_others=snakemake.params.withheld_others,
    )
