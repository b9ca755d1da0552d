# Embedding: the positions of target and other clips by t-SNE, and how far apart they are.


rule embed_responses:
    input:
        responses=of_seeds(results("responses", network("original", "test.h5"))),
        clips=for_target("clips.tsv"),
        blocks=results("corpus/blocks.tsv"),
    output:
        points=results("embedding/{target}/{condition}/points.tsv"),
        segregation=results("embedding/{target}/{condition}/segregation.tsv"),
        left_out=results("embedding/{target}/{condition}/left_out.tsv"),
    log:
        log_of("embed_responses", "{target}", "{condition}"),
    benchmark:
        benchmark_of("embed_responses", "{target}", "{condition}")
    conda:
        "../envs/representation.yaml"
    threads: 1
    resources:
        mem_mb=memory(responses_mb),
        runtime=minutes(embedding_minutes),
    params:
        seed=config["seed"],
        seeds=seeds_of_job,
        layer=config["selectivity"]["layer"],
        perplexity=config["embedding"]["perplexity"],
        permutations=config["selectivity"]["permutations"],
        code=digest("embed_responses.py"),
    script:
        "../workflow_scripts/embed_responses.py"
