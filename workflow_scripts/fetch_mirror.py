"""Download a mirror of AudioSet."""

from music_detectors.common.job import job
from music_detectors.downloads.mirror import fetch_mirror

with job(snakemake.log[0], snakemake.config["seed"]):
    fetch_mirror(
        snakemake.params["name"],
        snakemake.params.sets,
        snakemake.params.folder,
        snakemake.output.table,
    )
