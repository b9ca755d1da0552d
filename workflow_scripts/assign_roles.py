"""Give clips and classes the roles that they have for a further target."""

from music_detectors.common.job import job
from music_detectors.corpus.roles import assign_roles

with job(snakemake.log[0], snakemake.config["seed"]):
    assign_roles(
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        clips_of_target=snakemake.output.clips,
        classes_of_target=snakemake.output.classes,
        target=snakemake.params.target,
        corpus=snakemake.params.corpus,
        copies=snakemake.params.copies,
    )
