# Responses of the most and the least selective units to quilts and the other played stimuli.


rule quilt_responses:
    input:
        indices=expand(
            results("spectrograms/{stimulus}/test/index.tsv"), stimulus=PLAYED
        ),
        responses=of_seeds(
            *(
                results("responses", network(stimulus, "test.h5"))
                for stimulus in PLAYED
            )
        ),
        units=of_seeds(results("selectivity/{target}", network("units.tsv"))),
        clips=for_target("clips.tsv"),
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
        stimuli=PLAYED,
        segment_ms=[segment_ms_of(stimulus) for stimulus in PLAYED],
        seeds=seeds_of_job,
        layer=config["selectivity"]["layer"],
        code=digest("quilt_responses.py"),
    script:
        "../workflow_scripts/quilt_responses.py"


rule quilts:
    input:
        GATE,
        of_conditions(
            results("quilts/{target}/{condition}/responses.tsv"), targets=TARGETS
        ),
