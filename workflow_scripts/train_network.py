"""Train a network of one condition; on a GPU, those of all its replicates."""

from music_detectors.common.job import job
from music_detectors.models.find import check_reported
from music_detectors.training.conditions import Condition
from music_detectors.training.train import Outputs, Settings, train_networks
from music_detectors.training.usable_clips import check_training_clips

with job(snakemake.log[0], snakemake.config["seed"]):
    check_training_clips(
        index=snakemake.input.index,
        clips=snakemake.input.clips,
        max_bad_share=snakemake.params.max_bad_share,
        min_clips=snakemake.params.min_clips,
    )
    check_reported(
        snakemake.params.condition["model"],
        snakemake.params.key,
        snakemake.params.layer,
        snakemake.params.models,
        trained=True,
    )
    train_networks(
        index=snakemake.input.index,
        clips=snakemake.input.clips,
        classes=snakemake.input.classes,
        branches=snakemake.input.branches,
        settings=[
            Settings(
                condition=Condition(
                    name=snakemake.wildcards.condition, **snakemake.params.condition
                ),
                seed=snakemake.params.seed,
                replicate=replicate,
                batch_size=snakemake.params.batch_size,
                learning_rate=snakemake.params.learning_rate,
                weight_decay=snakemake.params.weight_decay,
                validation_fraction=snakemake.params.validation_fraction,
            )
            for replicate in snakemake.params.replicates
        ],
        outputs=[
            Outputs(*files)
            for files in zip(
                snakemake.output.weights,
                snakemake.output.snapshots,
                snakemake.output.history,
                snakemake.output.clips,
                snakemake.params.checkpoints,
                strict=True,
            )
        ],
        together=snakemake.params.together,
        code=snakemake.params.code + snakemake.params.model_code,
        device=snakemake.params.device,
        precision=snakemake.params.precision,
        blocks=snakemake.params.blocks,
        threads=snakemake.threads,
        memory_mb=snakemake.params.memory_mb,
    )
