# The claims of several corpora on one page.


# The tables of the corpora are no inputs: they are read as they lie, so that nothing of any corpus is
# computed for this page, and Snakemake does not know other corpora. Their digests say when they change.
rule corpora:
    output:
        claims="results/corpora/claims.tsv",
        estimates="results/corpora/estimates.tsv",
        svg="results/corpora/forest.svg",
        png="results/corpora/forest.png",
        page="results/corpora/corpora.md",
    log:
        "results/corpora/logs/corpora/job.log",
    benchmark:
        "results/corpora/benchmarks/corpora/job.tsv"
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(30),
    params:
        named=config["corpora"],
        results=lambda wildcards, output: Path(output.page).parents[1].as_posix(),
        judged=digests_of_corpora,
        alpha=config["claims"]["alpha"],
        code=digest("corpora.py"),
    script:
        "../workflow_scripts/corpora.py"
