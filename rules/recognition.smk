# How well each class is recognised.


rule score_recognition:
    input:
        train=results("responses", network("original", "train.h5")),
        test=results("responses", network("original", "test.h5")),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
        branches=results("corpus/branches.tsv"),
        network_clips=results("networks", network("clips.tsv")),
        blocks=results("corpus/blocks.tsv"),
    output:
        table=results("recognition", network("average_precision.tsv")),
        left_out=results("recognition", network("left_out.tsv")),
    log:
        log_of("score_recognition", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("score_recognition", "{condition}", "{seed}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(recognition_mb),
        runtime=minutes(corpus_minutes),
    params:
        withhold=WITHHELD,
        code=digest("score_recognition.py"),
    script:
        "../workflow_scripts/score_recognition.py"


rule summarise_recognition:
    input:
        tables=of_networks(
            results("recognition", network("average_precision.tsv")),
            NETWORKS_WITH_OUTPUTS,
        ),
        left_out=of_networks(
            results("recognition", network("left_out.tsv")), NETWORKS_WITH_OUTPUTS
        ),
    output:
        table=report(
            results("recognition/summary.tsv"),
            caption="../report/recognition.rst",
            category="Recognition",
        ),
        left_out=results("recognition/left_out.tsv"),
    log:
        log_of("summarise_recognition"),
    benchmark:
        benchmark_of("summarise_recognition")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        networks=NETWORKS_WITH_OUTPUTS,
        untaught=UNTAUGHT,
        code=digest("summarise_recognition.py"),
    script:
        "../workflow_scripts/summarise_recognition.py"


rule recognition:
    input:
        GATE,
        of_networks(
            results("recognition", network("average_precision.tsv")),
            NETWORKS_WITH_OUTPUTS,
        ),
        results("recognition/summary.tsv"),
