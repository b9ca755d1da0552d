"""Assess the claims on this corpus."""

from music_detectors.claims.assess import TablePaths, assess_claims
from music_detectors.claims.settings import write_settings
from music_detectors.claims.study import Study
from music_detectors.common.job import job

with job(snakemake.log[0], snakemake.config["seed"]):
    given, params = snakemake.input, snakemake.params
    assess_claims(
        TablePaths.of(given, params.names),
        TablePaths.of(given, params.names, "_left_out"),
        correlation=given.correlation,
        blocks=given.blocks,
        claims=snakemake.output.claims,
        values=snakemake.output.estimates,
        study=Study(**params.study),
        layer=params.layer,
        sounds=params.sounds,
        alpha=params.alpha,
        min_networks=params.min_networks,
    )
    write_settings(
        snakemake.output.settings,
        {
            "code": params.judged_by,
            "target": params.study["target"],
            "condition": params.study["condition"],
            "alpha": params.alpha,
            "min_networks": params.min_networks,
            "sounds": params.sounds,
        },
    )
