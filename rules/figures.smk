# Figures, drawn from the tables.


rule plot_example_spectrograms:
    input:
        index=results("spectrograms/original/test/index.tsv"),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
    output:
        **drawn("example_spectrograms", "Corpus"),
    log:
        log_of("plot_example_spectrograms"),
    benchmark:
        benchmark_of("plot_example_spectrograms")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(30),
    params:
        code=digest("plot_example_spectrograms.py"),
    script:
        "../workflow_scripts/plot_example_spectrograms.py"


# Before the gate on the yield, which may stop the run.
rule plot_yields:
    input:
        table=results("audio/yield.tsv"),
        splits=results("audio/yield_splits.tsv"),
    output:
        **drawn("yields", "Corpus"),
    log:
        log_of("plot_yields"),
    benchmark:
        benchmark_of("plot_yields")
    priority: 10
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        code=digest("plot_yields.py"),
    script:
        "../workflow_scripts/plot_yields.py"


rule plot_learning_curves:
    input:
        histories=of_networks(results("networks", network("history.tsv"))),
    output:
        **drawn("learning_curves", "Recognition"),
    log:
        log_of("plot_learning_curves"),
    benchmark:
        benchmark_of("plot_learning_curves")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        networks=NETWORKS,
        code=digest("plot_learning_curves.py"),
    script:
        "../workflow_scripts/plot_learning_curves.py"


rule plot_average_precision:
    input:
        table=results("recognition/summary.tsv"),
    output:
        **drawn("average_precision", "Recognition"),
    log:
        log_of("plot_average_precision"),
    benchmark:
        benchmark_of("plot_average_precision")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        conditions=list(CONDITIONS),
        target=config["corpus"]["target"],
        code=digest("plot_average_precision.py"),
    script:
        "../workflow_scripts/plot_average_precision.py"


rule plot_selective_responses:
    input:
        tables=of_networks(results("selectivity", network("clip_responses.tsv"))),
    output:
        **drawn("selective_responses", "Selectivity"),
    log:
        log_of("plot_selective_responses"),
    benchmark:
        benchmark_of("plot_selective_responses")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(30),
    params:
        networks=NETWORKS,
        layer=config["selectivity"]["layer"],
        target=config["corpus"]["target"],
        code=digest("plot_selective_responses.py"),
    script:
        "../workflow_scripts/plot_selective_responses.py"


rule plot_class_responses:
    input:
        tables=of_networks(
            results("selectivity", network("class_responses.tsv")),
            [pair for pair in NETWORKS if pair[0] == next(iter(CONDITIONS))],
        ),
    output:
        **drawn("class_responses", "Selectivity"),
    log:
        log_of("plot_class_responses"),
    benchmark:
        benchmark_of("plot_class_responses")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        condition=next(iter(CONDITIONS)),
        target=config["corpus"]["target"],
        code=digest("plot_class_responses.py"),
    script:
        "../workflow_scripts/plot_class_responses.py"


rule plot_selectivity_index:
    input:
        units=of_networks(results("selectivity", network("units.tsv"))),
    output:
        **drawn("selectivity_index", "Selectivity"),
    log:
        log_of("plot_selectivity_index"),
    benchmark:
        benchmark_of("plot_selectivity_index")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        networks=NETWORKS,
        layer=config["selectivity"]["layer"],
        target=config["corpus"]["target"],
        code=digest("plot_selectivity_index.py"),
    script:
        "../workflow_scripts/plot_selectivity_index.py"


rule plot_lesions:
    input:
        tables=of_lesions("lesions.tsv", CONDITIONS, [NEAREST_FRACTION]),
    output:
        **drawn("lesions", "Lesions"),
    log:
        log_of("plot_lesions"),
    benchmark:
        benchmark_of("plot_lesions")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        conditions=list(CONDITIONS),
        fraction=config["selectivity"]["fraction"],
        code=digest("plot_lesions.py"),
    script:
        "../workflow_scripts/plot_lesions.py"


rule plot_lesion_dose:
    input:
        tables=of_lesions("lesions.tsv", CONDITIONS, FRACTIONS),
    output:
        **drawn("lesion_dose", "Lesions"),
    log:
        log_of("plot_lesion_dose"),
    benchmark:
        benchmark_of("plot_lesion_dose")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        conditions=list(CONDITIONS),
        target=config["corpus"]["target"],
        code=digest("plot_lesion_dose.py"),
    script:
        "../workflow_scripts/plot_lesion_dose.py"


rule plot_lesion_classes:
    input:
        table=of_lesions("classes.tsv", [next(iter(CONDITIONS))], [NEAREST_FRACTION])[0],
    output:
        **drawn("lesion_classes", "Lesions"),
    log:
        log_of("plot_lesion_classes"),
    benchmark:
        benchmark_of("plot_lesion_classes")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        condition=next(iter(CONDITIONS)),
        fraction=config["selectivity"]["fraction"],
        code=digest("plot_lesion_classes.py"),
    script:
        "../workflow_scripts/plot_lesion_classes.py"


rule plot_decoding:
    input:
        tables=of_conditions(results("decoding/{condition}.tsv")),
    output:
        **drawn("decoding", "Controls"),
    log:
        log_of("plot_decoding"),
    benchmark:
        benchmark_of("plot_decoding")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        conditions=list(CONDITIONS),
        layer=config["selectivity"]["layer"],
        target=config["corpus"]["target"],
        code=digest("plot_decoding.py"),
    script:
        "../workflow_scripts/plot_decoding.py"


rule plot_acoustics:
    input:
        table=results("selectivity/summary.tsv"),
    output:
        **drawn("acoustics", "Controls"),
    log:
        log_of("plot_acoustics"),
    benchmark:
        benchmark_of("plot_acoustics")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        conditions=list(CONDITIONS),
        layer=config["selectivity"]["layer"],
        target=config["corpus"]["target"],
        code=digest("plot_acoustics.py"),
    script:
        "../workflow_scripts/plot_acoustics.py"


rule plot_embedding:
    input:
        points=of_conditions(results("embedding/{condition}/points.tsv")),
        segregation=of_conditions(results("embedding/{condition}/segregation.tsv")),
    output:
        **drawn("embedding", "Representation"),
    log:
        log_of("plot_embedding"),
    benchmark:
        benchmark_of("plot_embedding")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(30),
    params:
        conditions=list(CONDITIONS),
        target=config["corpus"]["target"],
        code=digest("plot_embedding.py"),
    script:
        "../workflow_scripts/plot_embedding.py"


rule plot_genres:
    input:
        tables=of_conditions(results("genres/{condition}.tsv")),
    output:
        **drawn("genres", "Selectivity"),
    log:
        log_of("plot_genres"),
    benchmark:
        benchmark_of("plot_genres")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        conditions=list(CONDITIONS),
        target=config["corpus"]["target"],
        code=digest("plot_genres.py"),
    script:
        "../workflow_scripts/plot_genres.py"


rule plot_selectivity_by_layer:
    input:
        table=results("selectivity/summary.tsv"),
    output:
        **drawn("selectivity_by_layer", "Selectivity"),
    log:
        log_of("plot_selectivity_by_layer"),
    benchmark:
        benchmark_of("plot_selectivity_by_layer")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        conditions=list(CONDITIONS),
        layer=config["selectivity"]["layer"],
        target=config["corpus"]["target"],
        code=digest("plot_selectivity_by_layer.py"),
    script:
        "../workflow_scripts/plot_selectivity_by_layer.py"


rule plot_quilts:
    input:
        tables=of_conditions(results("quilts/{condition}/responses.tsv")),
    output:
        **drawn("quilts", "Controls"),
    log:
        log_of("plot_quilts"),
    benchmark:
        benchmark_of("plot_quilts")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        conditions=list(CONDITIONS),
        layer=config["selectivity"]["layer"],
        target=config["corpus"]["target"],
        code=digest("plot_quilts.py"),
    script:
        "../workflow_scripts/plot_quilts.py"


rule plot_claims:
    input:
        claims=results("claims/claims.tsv"),
        estimates=results("claims/estimates.tsv"),
    output:
        **drawn("claims", "Claims"),
    log:
        log_of("plot_claims"),
    benchmark:
        benchmark_of("plot_claims")
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        code=digest("plot_claims.py"),
    script:
        "../workflow_scripts/plot_claims.py"


FIGURES = [
    path
    for figure in (
        rules.plot_yields.output,
        rules.plot_example_spectrograms.output,
        rules.plot_learning_curves.output,
        rules.plot_average_precision.output,
        rules.plot_selective_responses.output,
        rules.plot_class_responses.output,
        rules.plot_selectivity_index.output,
        rules.plot_quilts.output,
        rules.plot_selectivity_by_layer.output,
        rules.plot_genres.output,
        rules.plot_embedding.output,
        rules.plot_decoding.output,
        rules.plot_acoustics.output,
        rules.plot_lesions.output,
        rules.plot_lesion_dose.output,
        rules.plot_lesion_classes.output,
        rules.plot_claims.output,
    )
    for path in figure
]


rule figures:
    input:
        GATE,
        FIGURES,
