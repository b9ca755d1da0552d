"""Draw what each claim rests on."""

from music_detectors.common.job import job
from music_detectors.figures.claims import plot_claims

with job(snakemake.log[0]):
    plot_claims(
        claims=snakemake.input.claims,
        estimates=snakemake.input.estimates,
        svg=snakemake.output.svg,
        png=snakemake.output.png,
    )
