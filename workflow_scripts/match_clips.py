"""Match target and other clips in length and level."""

from music_detectors.common.job import job
from music_detectors.selectivity.matching import match_clips

with job(snakemake.log[0], snakemake.config["seed"]):
    match_clips(
        clips=snakemake.input.clips,
        train=snakemake.input.acoustics_train,
        test=snakemake.input.acoustics_test,
        table=snakemake.output.table,
        target=snakemake.params.target,
        seed=snakemake.params.seed,
    )
