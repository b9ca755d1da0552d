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
        stored_for=STORED_FOR,
        code=digest("compute_responses.py"),
    script:
        "../workflow_scripts/compute_responses.py"


# One job for all played stimuli: the start of PyTorch takes longer than a small corpus is played. On a
# CPU it is one for each network, so that a further seed plays to that network alone.
rule compute_stimulus_responses:
    input:
        weights=of_job("networks", "weights.safetensors"),
        indices=of_inputs(INDICES_OF_PLAYED),
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
        stored_for=STORED_FOR,
        code=digest("compute_stimulus_responses.py"),
    script:
        "../workflow_scripts/compute_stimulus_responses.py"


# Other conditions may have another number of networks, and the outputs of a rule cannot depend on
# the condition.
if not SEED_OF_JOB:

    use rule compute_responses as compute_responses_of_fixed with:
        input:
            weights=[results("networks/{condition}/seed-{seed}/weights.safetensors")],
            train=of_input("{stimulus}/train/index.tsv"),
            test=of_input("{stimulus}/test/index.tsv"),
        output:
            train=[results("responses/{condition}/seed-{seed}/{stimulus}/train.h5")],
            test=[results("responses/{condition}/seed-{seed}/{stimulus}/test.h5")],
        log:
            log_of("compute_responses", "{condition}", "{seed}", "{stimulus}"),
        benchmark:
            benchmark_of("compute_responses", "{condition}", "{seed}", "{stimulus}")
        wildcard_constraints:
            stimulus=ORIGINAL,
            condition=one_of(FIXED + ADOPTED),

    use rule compute_stimulus_responses as compute_stimulus_responses_of_fixed with:
        input:
            weights=[results("networks/{condition}/seed-{seed}/weights.safetensors")],
            indices=of_inputs(INDICES_OF_PLAYED),
        output:
            responses=[
                results("responses/{condition}/seed-{seed}", stimulus, f"{split}.h5")
                for stimulus, split in PLAYED_SPLITS
            ],
        log:
            log_of("compute_stimulus_responses", "{condition}", "{seed}"),
        benchmark:
            benchmark_of("compute_stimulus_responses", "{condition}", "{seed}")
        wildcard_constraints:
            condition=one_of(FIXED + ADOPTED),


# Conditions with `model: responses`: another tool has computed what these networks answer. Files that are
# not there are told by the job, once the spectrograms are made that they are to be computed from.
rule import_responses:
    input:
        files=given_there(ORIGINALS),
        train=of_input("original/train/index.tsv"),
        test=of_input("original/test/index.tsv"),
    output:
        weights=results("networks", network("weights.safetensors")),
        train=results("responses", network(ORIGINAL, "train.h5")),
        test=results("responses", network(ORIGINAL, "test.h5")),
    log:
        log_of("import_responses", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("import_responses", "{condition}", "{seed}")
    wildcard_constraints:
        condition=one_of(GIVEN),
    conda:
        "../envs/imports.yaml"
    threads: 1
    resources:
        mem_mb=memory(importing_mb),
        runtime=minutes(corpus_minutes),
    params:
        files=given_files(ORIGINALS),
        stamps=given_stamps(ORIGINALS),
        needed=given_needed,
        code=digest("import_responses.py"),
    script:
        "../workflow_scripts/import_responses.py"


# Those to other stimuli, so that a further one leaves the responses to the clips.
rule import_stimulus_responses:
    input:
        files=given_there(PLAYED_SPLITS),
        weights=results("networks", network("weights.safetensors")),
        indices=of_inputs(INDICES_OF_PLAYED),
    output:
        responses=[
            results("responses", network(stimulus, f"{split}.h5"))
            for stimulus, split in PLAYED_SPLITS
        ],
    log:
        log_of("import_stimulus_responses", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("import_stimulus_responses", "{condition}", "{seed}")
    wildcard_constraints:
        condition=one_of(GIVEN),
    conda:
        "../envs/imports.yaml"
    threads: 1
    resources:
        mem_mb=memory(importing_mb),
        runtime=minutes(corpus_minutes),
    params:
        files=given_files(PLAYED_SPLITS),
        stamps=given_stamps(PLAYED_SPLITS),
        needed=given_needed,
        stimuli=lambda wildcards, input: [stimulus for stimulus, _ in PLAYED_SPLITS],
        code=digest("import_stimulus_responses.py"),
    script:
        "../workflow_scripts/import_stimulus_responses.py"


use rule import_stimulus_responses as import_probe_responses with:
    input:
        files=given_there([("probe-{probe}", "test")]),
        weights=results("networks", network("weights.safetensors")),
        indices=of_inputs(["probe-{probe}/test/index.tsv"]),
    output:
        responses=[results("responses", network("probe-{probe}", "test.h5"))],
    log:
        log_of("import_probe_responses", "{condition}", "{seed}", "{probe}"),
    benchmark:
        benchmark_of("import_probe_responses", "{condition}", "{seed}", "{probe}")
    params:
        files=given_files([("probe-{probe}", "test")]),
        stamps=given_stamps([("probe-{probe}", "test")]),
        needed=given_needed,
        stimuli=lambda wildcards, input: [f"probe-{wildcards.probe}"],
        code=digest("import_stimulus_responses.py"),


rule responses:
    input:
        GATE,
        of_networks(results("responses", network("original", "train.h5"))),
        of_networks(results("responses", network("original", "test.h5"))),
