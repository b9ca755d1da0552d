"""Download the zip of a probe set."""

from music_detectors.common.job import job
from music_detectors.probes.download import fetch_probe
from music_detectors.probes.settings import ProbeSet

with job(snakemake.log[0], snakemake.config["seed"]):
    fetch_probe(
        ProbeSet(**snakemake.params.probe, target=snakemake.params.target), snakemake.output.zip
    )
