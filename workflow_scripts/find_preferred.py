"""Find the stimuli that drive the most selective units of a network."""

from music_detectors.common.job import job
from music_detectors.preferred.find import find_preferred

with job(snakemake.log[0], snakemake.config["seed"]):
    find_preferred(
        weights=snakemake.input.weights,
        units=snakemake.input.units,
        index=snakemake.input.index,
        train=snakemake.input.train,
        test=snakemake.input.test,
        stimuli=snakemake.output.stimuli,
        table=snakemake.output.table,
        clips=snakemake.output.clips,
        model=snakemake.params.model,
        layer=snakemake.params.layer,
        condition=snakemake.wildcards.condition,
        replicate=int(snakemake.wildcards.seed),
        seed=snakemake.params.seed,
        threads=snakemake.threads,
    )
