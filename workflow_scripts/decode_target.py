"""Decode the target and its genres from units, other features and acoustic covariates."""

from music_detectors.common.job import job
from music_detectors.decoding.decode import decode_target

with job(snakemake.log[0], snakemake.config["seed"]):
    decode_target(
        snakemake.input.units,
        snakemake.input.train,
        snakemake.input.test,
        snakemake.input.clips,
        snakemake.input.classes,
        snakemake.input.blocks,
        snakemake.input.matched,
        snakemake.output.table,
        snakemake.output.left_out,
        acoustics={
            "train": snakemake.input.acoustics_train,
            "test": snakemake.input.acoustics_test,
        },
        fixed=dict(
            zip(
                snakemake.params.fixed,
                zip(snakemake.input.fixed_train, snakemake.input.fixed_test, strict=True),
                strict=True,
            )
        ),
        layer=snakemake.params.layer,
        block_size=snakemake.params.units,
        seed=snakemake.params.seed,
        replicate=int(snakemake.wildcards.seed),
    )
