# Whether selectivity is about the target, or about any set of classes.


# The conditions that claims compare, and the branches that some withhold in place of the target.
OF_CLASSES = compared("controls", "features", "withheld_others")


rule measure_specificity:
    input:
        train=results("responses", network("original", "train.h5")),
        test=results("responses", network("original", "test.h5")),
        clips=for_target("clips.tsv"),
        classes=for_target("classes.tsv"),
        branches=results("corpus/branches.tsv"),
        blocks=results("corpus/blocks.tsv"),
        matched=results("selectivity/{target}/matched.tsv"),
        points=results("embedding/{target}", network("points.tsv")),
    output:
        measures=results("specificity/{target}", network("measures.tsv")),
        sets=results("specificity/{target}", network("sets.tsv")),
    log:
        log_of("measure_specificity", "{target}", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("measure_specificity", "{target}", "{condition}", "{seed}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(specificity_mb),
        runtime=minutes(corpus_minutes),
    params:
        withheld_others={name: CONDITIONS[name]["withhold"] for name in WITHHELD_OTHERS},
        layer=config["selectivity"]["layer"],
        fraction=config["selectivity"]["fraction"],
        seed=config["seed"],
        code=digest("measure_specificity.py"),
    script:
        "../workflow_scripts/measure_specificity.py"


rule summarise_specificity:
    input:
        measures=of_seeds(results("specificity/{target}", network("measures.tsv"))),
        sets=of_seeds(results("specificity/{target}", network("sets.tsv"))),
    output:
        networks=results("specificity/{target}/{condition}/networks.tsv"),
        left_out=results("specificity/{target}/{condition}/left_out.tsv"),
        sets=results("specificity/{target}/{condition}/sets.tsv"),
    log:
        log_of("summarise_specificity", "{target}", "{condition}"),
    benchmark:
        benchmark_of("summarise_specificity", "{target}", "{condition}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        alpha=config["claims"]["alpha"],
        code=digest("summarise_specificity.py"),
    script:
        "../workflow_scripts/summarise_specificity.py"


rule specificity:
    input:
        GATE,
        of_conditions(
            results("specificity/{target}/{condition}/networks.tsv"), OF_CLASSES
        ),
