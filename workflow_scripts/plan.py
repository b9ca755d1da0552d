"""Write what will be judged, before anything is trained."""

from music_detectors.claims.study import Study
from music_detectors.common.job import job
from music_detectors.plan.write import write_plan

with job(snakemake.log[0], snakemake.config["seed"]):
    write_plan(
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        plan=snakemake.output.plan,
        page=snakemake.output.page,
        config=snakemake.params.config,
        study=Study(**snakemake.params.study),
        networks=snakemake.params.networks,
        weights=snakemake.params.weights,
        judged_by=snakemake.params.judged_by,
        absent=snakemake.params.absent,
    )
