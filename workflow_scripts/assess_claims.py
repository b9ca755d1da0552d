"""Assess the claims on this corpus."""

from music_detectors.claims.assess import assess_claims
from music_detectors.claims.estimates import Study
from music_detectors.common.job import job

with job(snakemake.log[0]):
    assess_claims(
        segregation=snakemake.input.segregation,
        units=snakemake.input.units,
        recognition=snakemake.input.recognition,
        genres=snakemake.input.genres,
        quilts=snakemake.input.quilts,
        decoding=snakemake.input.decoding,
        lesions=snakemake.input.lesions,
        claims=snakemake.output.claims,
        values=snakemake.output.estimates,
        study=Study(**snakemake.params.study),
        conditions=snakemake.params.conditions,
        networks=snakemake.params.networks,
        layer=snakemake.params.layer,
        alpha=snakemake.params.alpha,
        min_networks=snakemake.params.min_networks,
    )
