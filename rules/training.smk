# Networks: one job per condition and seed, on a GPU one per condition; and the weights of fixed models.


rule train_network:
    input:
        index=of_input("original/train/index.tsv"),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
        branches=results("corpus/branches.tsv"),
    output:
        # On a GPU a job that lacks files of some seeds keeps those of the others.
        weights=of_job("networks", "weights.safetensors", kept=TOGETHER > 1),
        snapshots=of_job("networks", "snapshots.safetensors", kept=TOGETHER > 1),
        history=of_job("networks", "history.tsv", kept=TOGETHER > 1),
        clips=of_job("networks", "clips.tsv", kept=TOGETHER > 1),
    log:
        log_of("train_network", "{condition}", *SEED_OF_JOB),
    benchmark:
        benchmark_of("train_network", "{condition}", *SEED_OF_JOB)
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
        condition=condition_of_job,
        batch_size=config["networks"]["batch_size"],
        learning_rate=config["networks"]["learning_rate"],
        weight_decay=config["networks"]["weight_decay"],
        validation_fraction=config["networks"]["validation_fraction"],
        device=config["networks"]["device"],
        precision=config["networks"]["precision"],
        blocks=config["networks"]["blocks"],
        key=lambda wildcards: model_key(wildcards.condition),
        model_code=model_code,
        # These change no network, so they are functions of the input, which Snakemake does not compare.
        layer=reported_layer,
        models=models_by_key,
        replicates=replicates_of_job,
        together=lambda wildcards, input: TOGETHER,
        memory_mb=lambda wildcards, input: config["networks"]["memory_mb"],
        max_bad_share=lambda wildcards, input: config["audio"]["max_bad_share"],
        min_clips=lambda wildcards, input: config["audio"]["min_clips"]["train"],
        checkpoints=lambda wildcards, input: [
            results(
                "networks",
                wildcards.condition,
                f"seed-{seed}",
                "checkpoint.safetensors",
            )
            for seed in replicates_of_job(wildcards, input)
        ],
        code=digest("train_network.py"),
    script:
        "../workflow_scripts/train_network.py"


rule fit_model:
    input:
        index=of_input("original/train/index.tsv"),
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


# The networks of others: their weights, and how they score the classes of the corpus.
rule adopt_network:
    input:
        index=of_input("original/train/index.tsv"),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
        branches=results("corpus/branches.tsv"),
    output:
        weights=results("networks", network("weights.safetensors")),
        clips=results("networks", network("clips.tsv")),
    log:
        log_of("adopt_network", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("adopt_network", "{condition}", "{seed}")
    wildcard_constraints:
        condition=one_of(ADOPTED),
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        **on_gpu(),
        mem_mb=memory(playing_mb),
        runtime=minutes(lambda wildcards: playing_minutes(N_CLIPS["train"], wildcards)),
    params:
        seed=config["seed"],
        model=model_of_job,
        model_code=model_code,
        key=lambda wildcards: model_key(wildcards.condition),
        # The files themselves are no inputs: what counts is what they hold, not their times.
        files=files_of_adopted,
        pretrained=lambda wildcards, input: weights_of_job(wildcards),
        outputs=lambda wildcards, input: CONDITIONS[wildcards.condition].get("outputs"),
        device=config["networks"]["device"],
        pooled=config["responses"]["pooled"],
        validation_fraction=config["networks"]["validation_fraction"],
        layer=reported_layer,
        models=models_by_key,
        code=digest("adopt_network.py"),
    script:
        "../workflow_scripts/adopt_network.py"


rule networks:
    input:
        GATE,
        of_networks(results("networks", network("weights.safetensors"))),
