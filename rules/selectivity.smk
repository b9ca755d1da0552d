# Selectivity: which units respond more to the target than to other sounds.


rule selectivity_units:
    input:
        train=results("responses", network("original", "train.h5")),
        test=results("responses", network("original", "test.h5")),
        clips=for_target("clips.tsv"),
        acoustics_train=results("acoustics/train.tsv"),
        acoustics_test=results("acoustics/test.tsv"),
    output:
        units=results("selectivity/{target}", network("units.tsv")),
    log:
        log_of("selectivity_units", "{target}", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("selectivity_units", "{target}", "{condition}", "{seed}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(selectivity_mb),
        runtime=minutes(corpus_minutes),
    params:
        seed=config["seed"],
        fraction=config["selectivity"]["fraction"],
        permutations=config["selectivity"]["permutations"],
        code=digest("selectivity_units.py"),
    script:
        "../workflow_scripts/selectivity_units.py"


rule selective_responses:
    input:
        units=results("selectivity/{target}", network("units.tsv")),
        train=results("responses", network("original", "train.h5")),
        test=results("responses", network("original", "test.h5")),
        clips=for_target("clips.tsv"),
        classes=for_target("classes.tsv"),
    output:
        clips=results("selectivity/{target}", network("clip_responses.tsv")),
        classes=results("selectivity/{target}", network("class_responses.tsv")),
    log:
        log_of("selective_responses", "{target}", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("selective_responses", "{target}", "{condition}", "{seed}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(responses_mb),
        runtime=minutes(corpus_minutes),
    params:
        layer=config["selectivity"]["layer"],
        code=digest("selective_responses.py"),
    script:
        "../workflow_scripts/selective_responses.py"


rule summarise_selectivity:
    input:
        units=of_networks_of_target(
            results("selectivity/{target}", network("units.tsv"))
        ),
        clips=of_networks_of_target(
            results("selectivity/{target}", network("clip_responses.tsv"))
        ),
        acoustics=results("acoustics/test.tsv"),
        blocks=results("corpus/blocks.tsv"),
    output:
        table=report(
            results("selectivity/{target}/summary.tsv"),
            caption="../report/selectivity.rst",
            category="Selectivity",
        ),
        left_out=results("selectivity/{target}/left_out.tsv"),
        balance=report(
            results("selectivity/{target}/balance.tsv"),
            caption="../report/balance.rst",
            category="Corpus",
        ),
    log:
        log_of("summarise_selectivity", "{target}"),
    benchmark:
        benchmark_of("summarise_selectivity", "{target}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(summary_mb),
        runtime=minutes(corpus_minutes),
    params:
        networks=lambda wildcards: networks_of(conditions_of(wildcards.target)),
        target=lambda wildcards: target_name(TARGETS[wildcards.target]),
        layer=config["selectivity"]["layer"],
        code=digest("summarise_selectivity.py"),
    script:
        "../workflow_scripts/summarise_selectivity.py"


# For analyses that use all units at once: whether two roles differ in length or level is in any of them.
rule match_clips:
    input:
        clips=for_target("clips.tsv"),
        acoustics_train=results("acoustics/train.tsv"),
        acoustics_test=results("acoustics/test.tsv"),
    output:
        table=results("selectivity/{target}/matched.tsv"),
    log:
        log_of("match_clips", "{target}"),
    benchmark:
        benchmark_of("match_clips", "{target}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(corpus_minutes),
    params:
        seed=config["seed"],
        target=lambda wildcards: target_name(TARGETS[wildcards.target]),
        code=digest("match_clips.py"),
    script:
        "../workflow_scripts/match_clips.py"


rule selectivity:
    input:
        GATE,
        of_networks(
            results("selectivity/{target}", network("units.tsv")), targets=TARGETS
        ),
        of_networks(
            results("selectivity/{target}", network("clip_responses.tsv")),
            targets=TARGETS,
        ),
        of_networks(
            results("selectivity/{target}", network("class_responses.tsv")),
            targets=TARGETS,
        ),
        [results("selectivity", target, "summary.tsv") for target in TARGETS],
