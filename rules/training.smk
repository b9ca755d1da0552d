# Networks: conditions times seeds, one job each.


rule train_network:
    input:
        index=results("spectrograms/original/train/index.tsv"),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
        branches=results("corpus/branches.tsv"),
    output:
        weights=results("networks", network("weights.safetensors")),
        history=results("networks", network("history.tsv")),
        clips=results("networks", network("clips.tsv")),
    log:
        log_of("train_network", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("train_network", "{condition}", "{seed}")
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        **on_gpu(),
        mem_mb=memory(training_mb),
        runtime=minutes(training_minutes),
    params:
        seed=config["seed"],
        condition=lambda wildcards: CONDITIONS[wildcards.condition],
        batch_size=config["networks"]["batch_size"],
        learning_rate=config["networks"]["learning_rate"],
        weight_decay=config["networks"]["weight_decay"],
        validation_fraction=config["networks"]["validation_fraction"],
        device=config["networks"]["device"],
        # What changes no network: Snakemake does not compare functions of the input.
        memory_mb=lambda wildcards, input: config["networks"]["memory_mb"],
        max_bad_share=lambda wildcards, input: config["audio"]["max_bad_share"],
        min_clips=lambda wildcards, input: config["audio"]["min_clips"]["train"],
        checkpoint=results("networks", network("checkpoint.safetensors")),
        code=digest("train_network.py"),
    script:
        "../workflow_scripts/train_network.py"


rule networks:
    input:
        GATE,
        of_networks(results("networks", network("weights.safetensors"))),
