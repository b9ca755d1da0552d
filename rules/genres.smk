# Responses of the selective units to each genre of the target.


rule genre_responses:
    input:
        clip_responses=of_seeds(
            results("selectivity/{target}", network("clip_responses.tsv"))
        ),
        clips=for_target("clips.tsv"),
        classes=for_target("classes.tsv"),
        blocks=results("corpus/blocks.tsv"),
    output:
        genres=results("genres/{target}/{condition}.tsv"),
        left_out=results("genres/{target}/{condition}-left-out.tsv"),
    log:
        log_of("genre_responses", "{target}", "{condition}"),
    benchmark:
        benchmark_of("genre_responses", "{target}", "{condition}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(corpus_minutes),
    params:
        seeds=seeds_of_job,
        code=digest("genre_responses.py"),
    script:
        "../workflow_scripts/genre_responses.py"
