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
        device=config["networks"]["device"],
        code=digest("compute_responses.py"),
    script:
        "../workflow_scripts/compute_responses.py"


# To a played stimulus: all networks of a condition in one job, for each takes seconds.
rule compute_stimulus_responses:
    input:
        weights=of_seeds(results("networks", network("weights.safetensors"))),
        index=results("spectrograms/{stimulus}/test/index.tsv"),
    output:
        responses=of_seeds(results("responses", network("{stimulus}", "test.h5"))),
    log:
        log_of("compute_stimulus_responses", "{condition}", "{stimulus}"),
    benchmark:
        benchmark_of("compute_stimulus_responses", "{condition}", "{stimulus}")
    wildcard_constraints:
        stimulus="|".join(PLAYED),
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        **on_gpu(),
        mem_mb=memory(playing_mb),
        runtime=minutes(playing_minutes(len(SEEDS) * N_CLIPS["test"])),
    params:
        device=config["networks"]["device"],
        code=digest("compute_stimulus_responses.py"),
    script:
        "../workflow_scripts/compute_stimulus_responses.py"


rule responses:
    input:
        GATE,
        of_networks(results("responses", network("original", "train.h5"))),
        of_networks(results("responses", network("original", "test.h5"))),
