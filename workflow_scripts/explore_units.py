"""Write the page of all units."""

from music_detectors.common.job import job
from music_detectors.report.explorer.page import explore_units

with job(snakemake.log[0], snakemake.config["seed"]):
    explore_units(
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        units=snakemake.input.units,
        responses=snakemake.input.responses,
        points=snakemake.input.points,
        indices=snakemake.input.indices,
        audio=snakemake.input.audio,
        level=snakemake.input.level,
        probe_tables=snakemake.input.probe_tables,
        probe_sounds=snakemake.input.probe_sounds,
        page=snakemake.output.page,
        corpus=snakemake.params.corpus,
        target=snakemake.params.target,
        networks=snakemake.params.networks,
        condition=snakemake.params.condition,
        layer=snakemake.params.layer,
        original=snakemake.params.original,
        quilts=snakemake.params.quilts,
        probes=snakemake.params.probes,
        made_probes=snakemake.params.made_probes,
        probe_terms=snakemake.params.probe_terms,
        is_made=snakemake.params.is_made,
        source=snakemake.params.source,
        sound=snakemake.params.sound,
        megabytes=snakemake.params.megabytes,
    )
