# Over training: recognition, selectivity, decoding and embedding after each snapshot of a network.


rule compute_snapshot_responses:
    input:
        snapshots=results("networks", network("snapshots.safetensors")),
        train=of_input("original/train/index.tsv"),
        test=of_input("original/test/index.tsv"),
    output:
        train=results("responses", network("snapshots", "train.h5")),
        test=results("responses", network("snapshots", "test.h5")),
    log:
        log_of("compute_snapshot_responses", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("compute_snapshot_responses", "{condition}", "{seed}")
    wildcard_constraints:
        condition=one_of(WITH_SNAPSHOTS),
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        **on_gpu(),
        mem_mb=memory(playing_mb),
        runtime=minutes(snapshot_minutes),
    params:
        model=model_of_job,
        model_code=model_code,
        layer=config["selectivity"]["layer"],
        device=config["networks"]["device"],
        pooled=config["responses"]["pooled"],
        code=digest("compute_snapshot_responses.py"),
    script:
        "../workflow_scripts/compute_snapshot_responses.py"


rule measure_emergence:
    input:
        train=results("responses", network("snapshots", "train.h5")),
        test=results("responses", network("snapshots", "test.h5")),
        clips=for_target("clips.tsv"),
        classes=for_target("classes.tsv"),
        branches=results("corpus/branches.tsv"),
        blocks=results("corpus/blocks.tsv"),
        matched=results("selectivity/{target}/matched.tsv"),
    output:
        table=results("emergence/{target}", network("emergence.tsv")),
        left_out=results("emergence/{target}", network("left_out.tsv")),
        points=results("emergence/{target}", network("points.tsv")),
    log:
        log_of("measure_emergence", "{target}", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("measure_emergence", "{target}", "{condition}", "{seed}")
    wildcard_constraints:
        condition=one_of(WITH_SNAPSHOTS),
    conda:
        "../envs/representation.yaml"
    threads: 1
    resources:
        mem_mb=memory(responses_mb),
        runtime=minutes(emergence_minutes),
    params:
        seed=config["seed"],
        withhold=WITHHELD,
        fraction=config["selectivity"]["fraction"],
        perplexity=config["embedding"]["perplexity"],
        permutations=config["selectivity"]["permutations"],
        code=digest("measure_emergence.py"),
    script:
        "../workflow_scripts/measure_emergence.py"


rule emergence:
    input:
        GATE,
        of_emergence("emergence.tsv", WITH_SNAPSHOTS),
