# Responses of every network to the clips, and to the stimuli made from them.


rule compute_responses:
    input:
        weights=of_job("networks", "weights.safetensors"),
        train=of_input("{stimulus}/train/index.tsv"),
        test=of_input("{stimulus}/test/index.tsv"),
    output:
        train=of_job("responses", "{stimulus}", "train.h5"),
        test=of_job("responses", "{stimulus}", "test.h5"),
    log:
        log_of("compute_responses", "{condition}", *SEED_OF_JOB, "{stimulus}"),
    benchmark:
        benchmark_of("compute_responses", "{condition}", *SEED_OF_JOB, "{stimulus}")
    wildcard_constraints:
        stimulus=ORIGINAL,
        condition=one_of(OF_JOB),
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        **on_gpu(),
        mem_mb=memory(playing_mb),
        runtime=minutes(playing_all(sum(N_CLIPS.values()))),
    params:
        model=model_of_job,
        model_code=model_code,
        device=config["networks"]["device"],
        pooled=config["responses"]["pooled"],
        code=digest("compute_responses.py"),
    script:
        "../workflow_scripts/compute_responses.py"


# One job for all played stimuli: the start of PyTorch takes longer than a small corpus is played. On a
# CPU it is one for each network, so that a further seed plays to that network alone.
rule compute_stimulus_responses:
    input:
        weights=of_job("networks", "weights.safetensors"),
        indices=of_input(*INDICES_OF_PLAYED),
    output:
        # Those of the first stimulus, network by network, then those of the next.
        responses=[
            path
            for stimulus, split in PLAYED_SPLITS
            for path in of_job("responses", stimulus, f"{split}.h5")
        ],
    log:
        log_of("compute_stimulus_responses", "{condition}", *SEED_OF_JOB),
    benchmark:
        benchmark_of("compute_stimulus_responses", "{condition}", *SEED_OF_JOB)
    wildcard_constraints:
        condition=one_of(OF_JOB),
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        **on_gpu(),
        mem_mb=memory(playing_mb),
        runtime=minutes(playing_all(sum(N_CLIPS[split] for _, split in PLAYED_SPLITS))),
    params:
        # Functions of the input, so that another order plays nothing again.
        stimuli=lambda wildcards, input: [stimulus for stimulus, _ in PLAYED_SPLITS],
        splits=lambda wildcards, input: [split for _, split in PLAYED_SPLITS],
        model=model_of_job,
        model_code=model_code,
        device=config["networks"]["device"],
        pooled=config["responses"]["pooled"],
        code=digest("compute_stimulus_responses.py"),
    script:
        "../workflow_scripts/compute_stimulus_responses.py"


# A fixed model has a single seed, and the outputs of a rule cannot depend on the condition.
if not SEED_OF_JOB:

    use rule compute_responses as compute_responses_of_fixed with:
        input:
            weights=[results("networks/{condition}/seed-1/weights.safetensors")],
            train=of_input("{stimulus}/train/index.tsv"),
            test=of_input("{stimulus}/test/index.tsv"),
        output:
            train=[results("responses/{condition}/seed-1/{stimulus}/train.h5")],
            test=[results("responses/{condition}/seed-1/{stimulus}/test.h5")],
        wildcard_constraints:
            stimulus=ORIGINAL,
            condition=one_of(FIXED),

    use rule compute_stimulus_responses as compute_stimulus_responses_of_fixed with:
        input:
            weights=[results("networks/{condition}/seed-1/weights.safetensors")],
            indices=of_input(*INDICES_OF_PLAYED),
        output:
            responses=[
                results("responses/{condition}/seed-1", stimulus, f"{split}.h5")
                for stimulus, split in PLAYED_SPLITS
            ],
        wildcard_constraints:
            condition=one_of(FIXED),


rule responses:
    input:
        GATE,
        of_networks(results("responses", network("original", "train.h5"))),
        of_networks(results("responses", network("original", "test.h5"))),
