# Embedding: the positions of target and other clips by t-SNE, and how far apart they are.


rule embed_responses:
    input:
        responses=results("responses", network("original", "test.h5")),
        clips=for_target("clips.tsv"),
        blocks=results("corpus/blocks.tsv"),
        matched=results("selectivity/{target}/matched.tsv"),
    output:
        points=results("embedding/{target}", network("points.tsv")),
        segregation=results("embedding/{target}", network("segregation.tsv")),
        left_out=results("embedding/{target}", network("left_out.tsv")),
    log:
        log_of("embed_responses", "{target}", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("embed_responses", "{target}", "{condition}", "{seed}")
    conda:
        "../envs/representation.yaml"
    threads: 1
    resources:
        mem_mb=memory(responses_mb),
        runtime=minutes(embedding_minutes),
    params:
        seed=config["seed"],
        layer=config["selectivity"]["layer"],
        perplexity=config["embedding"]["perplexity"],
        permutations=config["selectivity"]["permutations"],
        code=digest("embed_responses.py"),
    script:
        "../workflow_scripts/embed_responses.py"
