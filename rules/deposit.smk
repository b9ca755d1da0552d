# The run for other programs and for repositories: Parquet tables, and an RO-Crate.


rule write_tables:
    input:
        units=of_networks(
            results("selectivity/{target}", network("units.tsv")), targets=TARGETS
        ),
        responses=of_networks(results("responses", network("original", "test.h5"))),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
    output:
        units=results("tables/units.parquet"),
        responses=results("tables/responses.parquet"),
    log:
        log_of("write_tables"),
    benchmark:
        benchmark_of("write_tables")
    conda:
        "../envs/deposit.yaml"
    threads: 1
    resources:
        mem_mb=memory(responses_mb),
        runtime=minutes(corpus_minutes),
    params:
        analysed=[
            (target_name(name), condition, seed)
            for target, name in TARGETS.items()
            for condition, seed in networks_of(conditions_of(target))
        ],
        networks=NETWORKS,
        layer=config["selectivity"]["layer"],
        code=digest("write_tables.py"),
    script:
        "../workflow_scripts/write_tables.py"


rule describe_run:
    input:
        files=described_files,
        claims=results("claims/claims.tsv"),
        weights=of_networks(results("networks", network("weights.safetensors"))),
        report=results("report.html"),
    output:
        configuration=results("configuration.json"),
        crate=results("ro-crate-metadata.json"),
    log:
        log_of("describe_run"),
    benchmark:
        benchmark_of("describe_run")
    conda:
        "../envs/deposit.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(30),
    params:
        config=SHOWN,
        code=digest("describe_run.py"),
    script:
        "../workflow_scripts/describe_run.py"
