# The claims of several corpora on one page.


# The tables of the corpora are no inputs: they are read as they lie, so that nothing of any corpus is
# computed for this page, and Snakemake does not know other corpora. Without outputs, the rule runs
# whenever it is asked for.
rule corpora:
    log:
        "results/corpora/logs/corpora/job.log",
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(30),
    params:
        named=config["corpora"],
        results="results",
        alpha=config["claims"]["alpha"],
        code=digest("corpora.py"),
    script:
        "../workflow_scripts/corpora.py"
