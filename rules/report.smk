# The page that says what was found, on what, and how.


rule write_report:
    input:
        claims=results("claims/claims.tsv"),
        corpus=results("corpus/summary.tsv"),
        clips=results("corpus/clips.tsv"),
        conditions=results("corpus/conditions.tsv"),
        # The page is written only if the yield passes the gate.
        gate=GATE,
        audio=results("audio/yield.tsv"),
        recognition=results("recognition/summary.tsv"),
        selectivity=results("selectivity", TARGET, "summary.tsv"),
        weights=of_networks(results("networks", network("weights.safetensors"))),
        figures=FIGURES,
    output:
        page=results("report.html"),
    log:
        log_of("write_report"),
    benchmark:
        benchmark_of("write_report")
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(30),
    params:
        config=SHOWN,
        sections=FIGURES_BY_SECTION,
        # Not an input: benchmarks are no results, and the page shows those that exist.
        benchmarks=results("benchmarks"),
        # Nor is the plan, which no rule makes again; another plan renews the report alone.
        plan=results("plan"),
        planned=digest_of_plan(),
        judged_by=lambda wildcards, input: digest("assess_claims.py"),
        texts=digest_of_texts(),
        code=digest("write_report.py"),
    script:
        "../workflow_scripts/write_report.py"


rule report:
    input:
        rules.write_report.output,
