"""Write the report page."""

from music_detectors.common.job import job
from music_detectors.report.page import write_report

with job(snakemake.log[0], snakemake.config["seed"]):
    write_report(
        claims=snakemake.input.claims,
        corpus=snakemake.input.corpus,
        clips=snakemake.input.clips,
        conditions=snakemake.input.conditions,
        audio=snakemake.input.audio,
        clipped=snakemake.input.clipped,
        recognition=snakemake.input.recognition,
        selectivity=snakemake.input.selectivity,
        weights=snakemake.input.weights,
        figures=snakemake.input.figures,
        excerpts=snakemake.input.excerpts,
        genres=snakemake.input.genres,
        page=snakemake.output.page,
        config=snakemake.params.config,
        sections=snakemake.params.sections,
        tables=snakemake.params.tables,
        logs=snakemake.params.logs,
        benchmarks=snakemake.params.benchmarks,
        plan=snakemake.params.plan,
        judged_by=snakemake.params.judged_by,
    )
