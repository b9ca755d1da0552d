"""Assess the claims on this corpus."""

from music_detectors.claims.assess import assess_claims
from music_detectors.claims.study import Study
from music_detectors.common.job import job

with job(snakemake.log[0]):
    given, params = snakemake.input, snakemake.params
    assess_claims(
        selectivity=dict(zip(params.targets, given.selectivity, strict=True)),
        segregation=dict(zip(params.segregation, given.segregation, strict=True)),
        recognition=given.recognition,
        decoding=dict(zip(params.decoding, given.decoding, strict=True)),
        genres=given.genres,
        quilts=dict(zip(map(tuple, params.quilts), given.quilts, strict=True)),
        correlation=given.correlation,
        lesions=given.lesions,
        levels=given.levels,
        ratios=dict(zip(params.profiles, given.ratios, strict=True)),
        categories=given.categories,
        components=given.components,
        emergence=given.emergence,
        claims=snakemake.output.claims,
        values=snakemake.output.estimates,
        study=Study(**params.study),
        layer=params.layer,
        alpha=params.alpha,
        min_networks=params.min_networks,
    )
