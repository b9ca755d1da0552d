"""Set the sounds of a probe set to the corpus's level, and compute their spectrograms."""

from music_detectors.common.job import job
from music_detectors.probes.spectrograms import compute_probe_spectrograms

with job(snakemake.log[0], snakemake.config["seed"]):
    compute_probe_spectrograms(
        snakemake.input.sounds,
        snakemake.input.level,
        shard=snakemake.output.shard,
        index=snakemake.output.index,
        stimulus=f"probe-{snakemake.wildcards.probe}",
        settings=snakemake.params.settings,
    )
