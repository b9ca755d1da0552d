# Profiles: responses of the selective units to the sounds of probe sets.


rule profile_probe:
    input:
        responses=of_seeds(
            results("responses", network("probe-{probe}", "test.h5")),
        ),
        units=of_seeds(results("selectivity/{target}", network("units.tsv"))),
        sounds=results("probes/{probe}/sounds.tsv"),
        references=results("probes/{probe}/references.tsv"),
    output:
        **{
            f"left_out_{name}": results(
                "profiles/{target}/{probe}/{condition}", f"left_out_{name}.tsv"
            )
            for name in ("ratios", "categories", "components")
        },
        sounds=results("profiles/{target}/{probe}/{condition}/sounds.tsv"),
        categories=results("profiles/{target}/{probe}/{condition}/categories.tsv"),
        contrasts=results("profiles/{target}/{probe}/{condition}/contrasts.tsv"),
        ratios=results("profiles/{target}/{probe}/{condition}/ratios.tsv"),
        components=results("profiles/{target}/{probe}/{condition}/components.tsv"),
        component_means=results(
            "profiles/{target}/{probe}/{condition}/component_means.tsv"
        ),
    log:
        log_of("profile_probe", "{target}", "{probe}", "{condition}"),
    benchmark:
        benchmark_of("profile_probe", "{target}", "{probe}", "{condition}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(1200),
        runtime=minutes(30),
    params:
        categories=lambda wildcards: PROBES[wildcards.probe].target[wildcards.target],
        seeds=seeds_of_job,
        layer=config["selectivity"]["layer"],
        seed=config["seed"],
        bootstraps=config["selectivity"]["bootstraps"],
        code=digest("profile_probe.py"),
    script:
        "../workflow_scripts/profile_probe.py"


rule profiles:
    input:
        GATE,
        of_profiles(rules.profile_probe.output.sounds),
