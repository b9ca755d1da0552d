"""Take the responses to the original clips that another tool computed for one network."""

from music_detectors.common.job import job
from music_detectors.responses.imports import import_responses

with job(snakemake.log[0], snakemake.config["seed"]):
    import_responses(
        files=snakemake.params.files,
        indices=[snakemake.input.train, snakemake.input.test],
        outputs=[snakemake.output.train, snakemake.output.test],
        weights=snakemake.output.weights,
        condition=snakemake.wildcards.condition,
        replicate=int(snakemake.wildcards.seed),
        needed=snakemake.params.needed,
    )
