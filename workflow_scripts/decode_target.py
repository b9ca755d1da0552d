"""Decode the target from units in the order of selectivity, and from acoustic covariates."""

from music_detectors.common.job import job
from music_detectors.decoding.decode import decode_target

with job(snakemake.log[0]):
    decode_target(
        snakemake.input.units,
        snakemake.input.train,
        snakemake.input.test,
        snakemake.input.clips,
        snakemake.output.table,
        acoustics={
            "train": snakemake.input.acoustics_train,
            "test": snakemake.input.acoustics_test,
        },
        layer=snakemake.params.layer,
        block_size=snakemake.params.units,
        replicates=snakemake.params.seeds,
    )
