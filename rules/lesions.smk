# What recognition loses when units are silenced.

# The one that bars and claims are about: the smaller of two as near.
NEAREST_FRACTION = min(
    FRACTIONS, key=lambda share: abs(float(share) - config["selectivity"]["fraction"])
)


def of_lesions(name, conditions, fractions):
    """The tables `name` of lesions, condition by condition."""
    return [
        results("lesions", condition, f"fraction-{fraction}", name)
        for condition in conditions
        for fraction in fractions
    ]


rule lesion_units:
    input:
        weights=of_seeds(results("networks", network("weights.safetensors"))),
        train=of_seeds(results("responses", network("original", "train.h5"))),
        test=of_seeds(results("responses", network("original", "test.h5"))),
        units=of_seeds(results("selectivity", network("units.tsv"))),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
    output:
        lesions=results("lesions/{condition}/fraction-{fraction}/lesions.tsv"),
        classes=results("lesions/{condition}/fraction-{fraction}/classes.tsv"),
    log:
        log_of("lesion_units", "{condition}", "{fraction}"),
    benchmark:
        benchmark_of("lesion_units", "{condition}", "{fraction}")
    conda:
        "../envs/lesions.yaml"
    threads: 1
    resources:
        mem_mb=responses_mb,
        runtime=lesion_minutes,
    params:
        seed=config["seed"],
        seeds=SEEDS,
        layer=config["selectivity"]["layer"],
        random_draws=config["lesions"]["random_draws"],
        code=digest("lesion_units.py"),
    script:
        "../workflow_scripts/lesion_units.py"


rule lesions:
    input:
        GATE,
        of_lesions("lesions.tsv", CONDITIONS, FRACTIONS),
        of_lesions("classes.tsv", CONDITIONS, FRACTIONS),
