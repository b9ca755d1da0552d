# The response of the selective units to each genre of the target.


rule genre_responses:
    input:
        clip_responses=of_seeds(results("selectivity", network("clip_responses.tsv"))),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
    output:
        genres=results("genres/{condition}.tsv"),
    log:
        log_of("genre_responses", "{condition}"),
    benchmark:
        benchmark_of("genre_responses", "{condition}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(corpus_minutes),
    params:
        seeds=SEEDS,
        code=digest("genre_responses.py"),
    script:
        "../workflow_scripts/genre_responses.py"


rule controls:
    input:
        GATE,
        of_conditions(results("quilts/{condition}/responses.tsv")),
        of_shards(results("acoustics/{split}/{shard}.tsv")),
        of_conditions(results("decoding/{condition}.tsv")),
        of_conditions(results("embedding/{condition}/points.tsv")),
        of_conditions(results("embedding/{condition}/segregation.tsv")),
        of_conditions(results("genres/{condition}.tsv")),
