# Responses of the most and the least selective units to target clips at several levels.


rule level_responses:
    input:
        indices=[
            results("spectrograms", level_name(level), "test", "index.tsv")
            for level in LEVELS
        ],
        responses=of_seeds(
            *(
                results("responses", network(level_name(level), "test.h5"))
                for level in LEVELS
            )
        ),
        units=of_seeds(results("selectivity/{target}", network("units.tsv"))),
        clips=for_target("clips.tsv"),
        blocks=results("corpus/blocks.tsv"),
    output:
        table=results("levels/{target}/{condition}.tsv"),
        left_out=results("levels/{target}/{condition}-left-out.tsv"),
    log:
        log_of("level_responses", "{target}", "{condition}"),
    benchmark:
        benchmark_of("level_responses", "{target}", "{condition}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(responses_mb),
        runtime=minutes(corpus_minutes),
    params:
        levels_db=LEVELS,
        seeds=seeds_of_job,
        layer=config["selectivity"]["layer"],
        code=digest("level_responses.py"),
    script:
        "../workflow_scripts/level_responses.py"
