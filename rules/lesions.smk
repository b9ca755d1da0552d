# What recognition loses when units are silenced.


rule lesion_units:
    input:
        weights=results("networks", network("weights.safetensors")),
        train=results("responses", network("original", "train.h5")),
        test=results("responses", network("original", "test.h5")),
        units=results("selectivity/{target}", network("units.tsv")),
        clips=for_target("clips.tsv"),
        classes=for_target("classes.tsv"),
        branches=results("corpus/branches.tsv"),
        index=of_input("original/test/index.tsv"),
        blocks=results("corpus/blocks.tsv"),
    output:
        lesions=results("lesions/{target}", network("lesions.tsv")),
        classes=results("lesions/{target}", network("classes.tsv")),
        left_out=results("lesions/{target}", network("left_out.tsv")),
    log:
        log_of("lesion_units", "{target}", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("lesion_units", "{target}", "{condition}", "{seed}")
    wildcard_constraints:
        condition=one_of([name for name in WITH_OUTPUTS if name not in RUN_AGAIN]),
    conda:
        "../envs/lesions.yaml"
    threads: 1
    resources:
        mem_mb=memory(lesion_mb),
        runtime=minutes(lesion_minutes),
    params:
        model=model_of_job,
        model_code=model_code,
        seed=config["seed"],
        layer=config["selectivity"]["layer"],
        fractions=sorted(config["lesions"]["fractions"]),
        claimed=CLAIMED_FRACTION,
        random_draws=config["lesions"]["random_draws"],
        withhold=WITHHELD,
        device=lambda wildcards: (
            config["networks"]["device"] if wildcards.condition in RUN_AGAIN else "cpu"
        ),
        pooled=lambda wildcards: (
            config["responses"]["pooled"] if wildcards.condition in RUN_AGAIN else None
        ),
        memory_mb=lambda wildcards, input: config["networks"]["memory_mb"],
        journal=lambda wildcards, input: results(
            "lesions",
            wildcards.target,
            wildcards.condition,
            f"seed-{wildcards.seed}",
            "journal.h5",
        ),
        code=digest("lesion_units.py"),
    script:
        "../workflow_scripts/lesion_units.py"


# Models without a readout of their own: their networks are run again for every lesion.
use rule lesion_units as lesion_units_by_running with:
    wildcard_constraints:
        condition=one_of(RUN_AGAIN),
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        **on_gpu(),
        mem_mb=memory(lesion_mb),
        runtime=minutes(lesion_minutes),


rule lesions:
    input:
        GATE,
        of_lesions("lesions.tsv", WITH_OUTPUTS),
        of_lesions("classes.tsv", WITH_OUTPUTS),
