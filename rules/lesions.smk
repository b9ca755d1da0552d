# What recognition loses when units are silenced.


rule lesion_units:
    input:
        weights=of_seeds(results("networks", network("weights.safetensors"))),
        train=of_seeds(results("responses", network("original", "train.h5"))),
        test=of_seeds(results("responses", network("original", "test.h5"))),
        units=of_seeds(results("selectivity/{target}", network("units.tsv"))),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
        branches=results("corpus/branches.tsv"),
    output:
        lesions=results("lesions/{target}/{condition}/fraction-{fraction}/lesions.tsv"),
        classes=results("lesions/{target}/{condition}/fraction-{fraction}/classes.tsv"),
    log:
        log_of("lesion_units", "{target}", "{condition}", "{fraction}"),
    benchmark:
        benchmark_of("lesion_units", "{target}", "{condition}", "{fraction}")
    conda:
        "../envs/lesions.yaml"
    threads: 1
    resources:
        mem_mb=memory(responses_mb),
        runtime=minutes(lesion_minutes),
    params:
        seed=config["seed"],
        seeds=SEEDS,
        layer=config["selectivity"]["layer"],
        random_draws=config["lesions"]["random_draws"],
        withhold=WITHHELD,
        code=digest("lesion_units.py"),
    script:
        "../workflow_scripts/lesion_units.py"


rule lesions:
    input:
        GATE,
        of_lesions("lesions.tsv", CONDITIONS, FRACTIONS),
        of_lesions("classes.tsv", CONDITIONS, FRACTIONS),
