# Whole data sets, downloaded only when their target is named: see docs/downloads.md.


# These run on the head node of a cluster: compute nodes often lack internet.
localrules:
    fetch_fsd50k,
    fetch_mirror,


# A stopped job (exit code 75) goes on from what has come. Its table is written last.
rule fetch_fsd50k:
    output:
        table=Path(config["downloads"]["fsd50k"], "fsd50k-downloaded.tsv").as_posix(),
    log:
        log_of("fetch_fsd50k"),
    benchmark:
        benchmark_of("fetch_fsd50k")
    # No retry: Zenodo may have asked for a pause.
    retries: 0
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(2880),
    params:
        folder=lambda wildcards, output: Path(output.table).parent.as_posix(),
        code=digest("fetch_fsd50k.py"),
    script:
        "../workflow_scripts/fetch_fsd50k.py"


rule fetch_mirror:
    output:
        table=Path(
            config["downloads"]["mirror"]["folder"], "mirror-downloaded.tsv"
        ).as_posix(),
    log:
        log_of("fetch_mirror"),
    benchmark:
        benchmark_of("fetch_mirror")
    retries: 0
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(2880),
    params:
        name=config["downloads"]["mirror"]["name"],
        sets=config["downloads"]["mirror"]["sets"],
        folder=lambda wildcards, output: Path(output.table).parent.as_posix(),
        code=digest("fetch_mirror.py"),
    script:
        "../workflow_scripts/fetch_mirror.py"
