"""Cut the sounds that the report plays, and compress them."""

from music_detectors.common.job import job
from music_detectors.report.excerpts import cut_excerpts

with job(snakemake.log[0], snakemake.config["seed"]):
    cut_excerpts(
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        index=snakemake.input.index,
        audio=snakemake.input.audio,
        level=snakemake.input.level,
        responses=snakemake.input.responses,
        profiles=snakemake.input.profiles,
        probe_sounds=snakemake.input.probe_sounds,
        output=snakemake.output.table,
        sound=snakemake.params.sound,
        megabytes=snakemake.params.megabytes,
        stimuli=snakemake.params.stimuli,
        target=snakemake.params.target,
        probes=snakemake.params.probes,
        made_probes=snakemake.params.made_probes,
        probe_terms=snakemake.params.probe_terms,
        is_made=snakemake.params.is_made,
        source=snakemake.params.source,
        seed=snakemake.params.seed,
        compared_seconds=snakemake.params.compared_seconds,
    )
