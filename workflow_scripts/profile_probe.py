"""Compare the responses of selective units to the sounds of a probe set, for every network."""

from music_detectors.common.job import job
from music_detectors.profiles.profile import profile_probe

with job(snakemake.log[0], snakemake.config["seed"]):
    profile_probe(
        responses=snakemake.input.responses,
        units=snakemake.input.units,
        sounds=snakemake.input.sounds,
        references=snakemake.input.references,
        outputs=dict(snakemake.output.items()),
        target=snakemake.params.categories,
        seeds=snakemake.params.seeds,
        layer=snakemake.params.layer,
        seed=snakemake.params.seed,
        bootstraps=snakemake.params.bootstraps,
        probe=snakemake.wildcards.probe,
    )
