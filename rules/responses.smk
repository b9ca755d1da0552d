# Responses of every network to the clips.


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
        stimulus="original",
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


rule responses:
    input:
        GATE,
        of_networks(results("responses", network("original", "train.h5"))),
        of_networks(results("responses", network("original", "test.h5"))),
