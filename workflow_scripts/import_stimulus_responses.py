"""Take the responses to stimuli and probe sets that another tool computed for one network."""

from music_detectors.common.job import job
from music_detectors.responses.imports import import_stimulus_responses

with job(snakemake.log[0], snakemake.config["seed"]):
    import_stimulus_responses(
        files=snakemake.params.files,
        indices=snakemake.input.indices,
        outputs=snakemake.output.responses,
        weights=snakemake.input.weights,
        condition=snakemake.wildcards.condition,
        needed=snakemake.params.needed,
        stimuli=snakemake.params.stimuli,
    )
