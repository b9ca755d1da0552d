# Which classes and clips there are.


rule make_corpus:
    input:
        unpack(corpus_files),
    output:
        classes=results("corpus/classes.tsv"),
        clips=results("corpus/clips.tsv"),
        summary=report(
            results("corpus/summary.tsv"),
            caption="../report/corpus.rst",
            category="Corpus",
        ),
    log:
        log_of("make_corpus"),
    benchmark:
        benchmark_of("make_corpus")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=table_mb,
        runtime=30,
    params:
        seed=config["seed"],
        corpus=corpus_params,
        code=digest("make_corpus.py"),
    script:
        "../workflow_scripts/make_corpus.py"
