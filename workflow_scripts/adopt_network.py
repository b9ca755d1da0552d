"""Take a network of others as it is, and fit a read-out of classes if it has none."""

from music_detectors.common.job import job
from music_detectors.models.find import check_reported
from music_detectors.training.adopt import adopt_network

with job(snakemake.log[0], snakemake.config["seed"]):
    check_reported(
        snakemake.params.model,
        snakemake.params.key,
        snakemake.params.layer,
        snakemake.params.models,
        trained=True,
    )
    adopt_network(
        index=snakemake.input.index,
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        branches=snakemake.input.branches,
        weights=snakemake.output.weights,
        network_clips=snakemake.output.clips,
        model=snakemake.params.model,
        pretrained=snakemake.params.pretrained,
        outputs=snakemake.params.outputs,
        validation_fraction=snakemake.params.validation_fraction,
        seed=snakemake.params.seed,
        replicate=int(snakemake.wildcards.seed),
        device=snakemake.params.device,
        threads=snakemake.threads,
        pooled=snakemake.params.pooled,
    )
