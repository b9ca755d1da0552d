# Responses of every network to the clips, and to the stimuli made from them.


rule compute_responses:
    input:
        weights=results("networks", network("weights.safetensors")),
        train=results("spectrograms/{stimulus}/train/index.tsv"),
        test=results("spectrograms/{stimulus}/test/index.tsv"),
    output:
        train=results("responses", network("{stimulus}", "train.h5")),
        test=results("responses", network("{stimulus}", "test.h5")),
    log:
        log_of("compute_responses", "{condition}", "{seed}", "{stimulus}"),
    benchmark:
        benchmark_of("compute_responses", "{condition}", "{seed}", "{stimulus}")
    wildcard_constraints:
        stimulus=ORIGINAL,
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        **on_gpu(),
        mem_mb=memory(playing_mb),
        runtime=minutes(playing_minutes(sum(N_CLIPS.values()))),
    params:
        model=model_of_job,
        model_code=model_code,
        device=config["networks"]["device"],
        code=digest("compute_responses.py"),
    script:
        "../workflow_scripts/compute_responses.py"


# One job for all played stimuli: the start of PyTorch takes longer than a small corpus is played. It is
# one for each network, so that a further seed plays to that network alone.
rule compute_stimulus_responses:
    input:
        weights=results("networks", network("weights.safetensors")),
        indices=[
            results("spectrograms", stimulus, split, "index.tsv")
            for stimulus, split in PLAYED_SPLITS
        ],
    output:
        responses=[
            results("responses", network(stimulus, f"{split}.h5"))
            for stimulus, split in PLAYED_SPLITS
        ],
    log:
        log_of("compute_stimulus_responses", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("compute_stimulus_responses", "{condition}", "{seed}")
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        **on_gpu(),
        mem_mb=memory(playing_mb),
        runtime=minutes(
            playing_minutes(sum(N_CLIPS[split] for _, split in PLAYED_SPLITS))
        ),
    params:
        # Functions of the input, so that another order plays nothing again.
        stimuli=lambda wildcards, input: [stimulus for stimulus, _ in PLAYED_SPLITS],
        splits=lambda wildcards, input: [split for _, split in PLAYED_SPLITS],
        model=model_of_job,
        model_code=model_code,
        device=config["networks"]["device"],
        code=digest("compute_stimulus_responses.py"),
    script:
        "../workflow_scripts/compute_stimulus_responses.py"


rule responses:
    input:
        GATE,
        of_networks(results("responses", network("original", "train.h5"))),
        of_networks(results("responses", network("original", "test.h5"))),
