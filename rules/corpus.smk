# Which classes and clips there are.


def corpus_files(wildcards):
    """The files that the configured corpus is read from, by what they are."""
    corpus = config["corpus"]
    files = {"ontology": corpus["ontology"], "withheld_clips": corpus["withheld_clips"]}
    if corpus["source"] == "manifest":
        files["manifest"] = corpus["manifest"]["path"]
    elif corpus["source"] == "audioset":
        files |= corpus["audioset"]
    return {name: path for name, path in files.items() if path is not None}


def corpus_params(wildcards):
    """The keys of the section `corpus` that the tables depend on."""
    corpus = config["corpus"]
    keys = ["source", "target", "withheld", "withheld_clips", "shard_clips", "ontology"]
    return {key: corpus[key] for key in [*keys, corpus["source"]]}


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
