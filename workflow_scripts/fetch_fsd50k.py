"""Download FSD50K and unpack it."""

from music_detectors.common.job import job
from music_detectors.downloads.fsd50k import fetch_fsd50k

with job(snakemake.log[0], snakemake.config["seed"]):
    fetch_fsd50k(snakemake.params.folder, snakemake.output.table)
