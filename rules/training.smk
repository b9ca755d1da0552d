# Networks: one job per condition and seed; and the weights of fixed models.


rule train_network:
    input:
        index=results("spectrograms/original/train/index.tsv"),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
        branches=results("corpus/branches.tsv"),
    output:
        weights=results("networks", network("weights.safetensors")),
        snapshots=results("networks", network("snapshots.safetensors")),
        history=results("networks", network("history.tsv")),
        clips=results("networks", network("clips.tsv")),
    log:
        log_of("train_network", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("train_network", "{condition}", "{seed}")
    wildcard_constraints:
        condition=one_of(TRAINED),
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
        key=lambda wildcards: model_key(wildcards.condition),
        model_code=model_code,
        # These change no network, so they are functions of the input, which Snakemake does not compare.
        layer=reported_layer,
        models=models_by_key,
        memory_mb=lambda wildcards, input: config["networks"]["memory_mb"],
        max_bad_share=lambda wildcards, input: config["audio"]["max_bad_share"],
        min_clips=lambda wildcards, input: config["audio"]["min_clips"]["train"],
        checkpoint=results("networks", network("checkpoint.safetensors")),
        code=digest("train_network.py"),
    script:
        "../workflow_scripts/train_network.py"


rule fit_model:
    input:
        index=results("spectrograms/original/train/index.tsv"),
    output:
        weights=results("networks", network("weights.safetensors")),
    log:
        log_of("fit_model", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("fit_model", "{condition}", "{seed}")
    wildcard_constraints:
        condition=one_of(FIXED),
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        mem_mb=memory(fitting_mb),
        runtime=minutes(corpus_minutes),
    params:
        model=model_of_job,
        key=lambda wildcards: model_key(wildcards.condition),
        model_code=model_code,
        layer=reported_layer,
        models=models_by_key,
        code=digest("fit_model.py"),
    script:
        "../workflow_scripts/fit_model.py"


rule networks:
    input:
        GATE,
        of_networks(results("networks", network("weights.safetensors"))),
