# Sound quilts of the test clips, the same stretch of the clips as they are, and the responses.


rule compute_quilts:
    input:
        audio=results("audio/test/{shard}.h5"),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
    output:
        shard=results("spectrograms/{stimulus}/test/{shard}.h5"),
        status=results("spectrograms/{stimulus}/test/{shard}.status.tsv"),
    log:
        log_of("compute_quilts", "{stimulus}", "{shard}"),
    benchmark:
        benchmark_of("compute_quilts", "{stimulus}", "{shard}")
    wildcard_constraints:
        stimulus="intact|quilt-[1-9][0-9]*ms",
    conda:
        "../envs/networks.yaml"
    threads: 1
    resources:
        mem_mb=memory(spectrogram_shard_mb),
        runtime=minutes(shard_minutes),
    params:
        seed=lambda wildcards: (
            None if wildcards.stimulus == "intact" else config["seed"]
        ),
        compared_seconds=config["quilts"]["compared_seconds"],
        code=digest("compute_quilts.py"),
    script:
        "../workflow_scripts/compute_quilts.py"


rule compute_quilt_responses:
    input:
        weights=of_seeds(results("networks", network("weights.safetensors"))),
        index=results("spectrograms/{stimulus}/test/index.tsv"),
    output:
        responses=of_seeds(results("responses", network("{stimulus}", "test.h5"))),
    log:
        log_of("compute_quilt_responses", "{condition}", "{stimulus}"),
    benchmark:
        benchmark_of("compute_quilt_responses", "{condition}", "{stimulus}")
    wildcard_constraints:
        stimulus="intact|quilt-[1-9][0-9]*ms",
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        **on_gpu(),
        mem_mb=memory(playing_mb),
        runtime=minutes(playing_minutes(len(SEEDS) * N_CLIPS["test"])),
    params:
        device=config["networks"]["device"],
        code=digest("compute_quilt_responses.py"),
    script:
        "../workflow_scripts/compute_quilt_responses.py"


rule quilt_responses:
    input:
        indices=expand(
            results("spectrograms/{stimulus}/test/index.tsv"), stimulus=QUILT_STIMULI
        ),
        responses=[
            path
            for stimulus in QUILT_STIMULI
            for path in of_seeds(results("responses", network(stimulus, "test.h5")))
        ],
        units=of_seeds(results("selectivity/{target}", network("units.tsv"))),
        clips=results("corpus/clips.tsv"),
    output:
        table=results("quilts/{target}/{condition}/responses.tsv"),
    log:
        log_of("quilt_responses", "{target}", "{condition}"),
    benchmark:
        benchmark_of("quilt_responses", "{target}", "{condition}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(responses_mb),
        runtime=minutes(corpus_minutes),
    params:
        stimuli=QUILT_STIMULI,
        seeds=SEEDS,
        layer=config["selectivity"]["layer"],
        code=digest("quilt_responses.py"),
    script:
        "../workflow_scripts/quilt_responses.py"


rule quilts:
    input:
        GATE,
        of_conditions(results("quilts/{target}/{condition}/responses.tsv")),
