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


# Responses to a played stimulus: one job for all networks of a condition, since each takes seconds.
rule compute_stimulus_responses:
    input:
        weights=of_seeds(results("networks", network("weights.safetensors"))),
        index=results("spectrograms/{stimulus}/test/index.tsv"),
    output:
        responses=[
            results(
                "responses", "{condition}", f"seed-{seed}", "{stimulus}", "test.h5"
            )
            for seed in range(1, config["networks"]["seeds"] + 1)
        ],
    log:
        log_of("compute_stimulus_responses", "{condition}", "{stimulus}"),
    benchmark:
        benchmark_of("compute_stimulus_responses", "{condition}", "{stimulus}")
    wildcard_constraints:
        stimulus=one_of(PLAYED),
        condition=one_of(TRAINED),
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        **on_gpu(),
        mem_mb=memory(playing_mb),
        runtime=minutes(stimulus_minutes),
    params:
        model=model_of_job,
        model_code=model_code,
        device=config["networks"]["device"],
        code=digest("compute_stimulus_responses.py"),
    script:
        "../workflow_scripts/compute_stimulus_responses.py"


# A fixed model has a single seed, and the outputs of a rule cannot depend on the condition.
use rule compute_stimulus_responses as compute_stimulus_responses_of_fixed with:
    output:
        responses=[
            results("responses", "{condition}", "seed-1", "{stimulus}", "test.h5")
        ],
    wildcard_constraints:
        stimulus=one_of(PLAYED),
        condition=one_of(FIXED),


rule responses:
    input:
        GATE,
        of_networks(results("responses", network("original", "train.h5"))),
        of_networks(results("responses", network("original", "test.h5"))),
