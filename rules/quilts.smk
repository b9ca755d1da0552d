# Responses of the most and the least selective units to quilts, and comparisons of them.

QUILT_TABLES = [
    "responses",
    "left_out",
    "genres",
    "lengths",
    "intact",
    "networks",
    "correlation",
]


rule quilt_responses:
    input:
        indices=[
            results("spectrograms", stimulus, split, "index.tsv")
            for split in config["stimuli"]["splits"]
            for stimulus in CUT
        ],
        responses=of_seeds(
            *(
                results("responses", network(stimulus, f"{split}.h5"))
                for split in config["stimuli"]["splits"]
                for stimulus in CUT
            )
        ),
        units=of_seeds(results("selectivity/{target}", network("units.tsv"))),
        clips=for_target("clips.tsv"),
        classes=for_target("classes.tsv"),
        blocks=results("corpus/blocks.tsv"),
    output:
        **{
            name: results("quilts/{target}/{condition}", f"{name}.tsv")
            for name in QUILT_TABLES
        },
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
        stimuli=CUT,
        segment_ms=[segment_ms_of(stimulus) for stimulus in CUT],
        splits=config["stimuli"]["splits"],
        seeds=seeds_of_job,
        layer=config["selectivity"]["layer"],
        code=digest("quilt_responses.py"),
    script:
        "../workflow_scripts/quilt_responses.py"


rule compare_quilts:
    input:
        tables=[
            results("quilts/{target}", condition, "intact.tsv")
            for condition in CONDITIONS
        ],
    output:
        table=results("quilts/{target}/conditions.tsv"),
    log:
        log_of("compare_quilts", "{target}"),
    benchmark:
        benchmark_of("compare_quilts", "{target}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        conditions=list(CONDITIONS),
        reference=CLAIMED,
        code=digest("compare_quilts.py"),
    script:
        "../workflow_scripts/compare_quilts.py"


rule quilts:
    input:
        GATE,
        of_conditions(
            results("quilts/{target}/{condition}/responses.tsv"), targets=TARGETS
        ),
        results("quilts", TARGET, "conditions.tsv"),
