# Which classes and clips there are.


# This runs on the head node of a cluster: compute nodes often lack internet.
localrules:
    fetch_metadata,


rule fetch_metadata:
    input:
        unpack(metadata_on_disk),
    output:
        **METADATA_COPIES,
        table=report(
            results("metadata/metadata.tsv"),
            caption="../report/metadata.rst",
            category="Corpus",
        ),
    log:
        log_of("fetch_metadata"),
    benchmark:
        benchmark_of("fetch_metadata")
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(60),
    params:
        corpus=metadata_params,
        copies=METADATA_COPIES,
        code=digest("fetch_metadata.py", SOURCE_FILE),
    script:
        "../workflow_scripts/fetch_metadata.py"


rule make_corpus:
    input:
        unpack(corpus_files),
    output:
        classes=results("corpus/classes.tsv"),
        branches=results("corpus/branches.tsv"),
        clips=results("corpus/clips.tsv"),
        summary=report(
            results("corpus/summary.tsv"),
            caption="../report/corpus.rst",
            category="Corpus",
        ),
    log:
        log_of("make_corpus"),
    benchmark:
        benchmark_of("make_corpus")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(corpus_minutes),
    params:
        seed=config["seed"],
        corpus=corpus_params,
        planned=N_CLIPS,
        copies=list(METADATA_COPIES.values()),
        code=digest("make_corpus.py", SOURCE_FILE),
    script:
        "../workflow_scripts/make_corpus.py"


# Early, since it stops a run that has nothing left to train on.
rule summarise_conditions:
    input:
        clips=results("corpus/clips.tsv"),
        branches=results("corpus/branches.tsv"),
    output:
        table=report(
            results("corpus/conditions.tsv"),
            caption="../report/conditions.rst",
            category="Corpus",
        ),
    log:
        log_of("summarise_conditions"),
    benchmark:
        benchmark_of("summarise_conditions")
    priority: 12
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(corpus_minutes),
    params:
        withhold={name: CONDITIONS[name]["withhold"] for name in TRAINED},
        target=config["corpus"]["target"],
        condition=CLAIMED,
        withheld_others=WITHHELD_OTHERS,
        code=digest("summarise_conditions.py"),
    script:
        "../workflow_scripts/summarise_conditions.py"


# For a further target; the tables of the corpus have the roles for the first one.
rule assign_roles:
    input:
        unpack(corpus_files),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
    output:
        clips=results("corpus/{target}/clips.tsv"),
        classes=results("corpus/{target}/classes.tsv"),
    log:
        log_of("assign_roles", "{target}"),
    benchmark:
        benchmark_of("assign_roles", "{target}")
    wildcard_constraints:
        # Without a further target, there is no such file.
        target="|".join(FURTHER_TARGETS) or "(?!)",
    # Early, since it stops a run whose target has too few clips.
    priority: 12
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(corpus_minutes),
    params:
        target=lambda wildcards: TARGETS[wildcards.target],
        corpus=corpus_params,
        copies=list(METADATA_COPIES.values()),
        code=digest("assign_roles.py", SOURCE_FILE),
    script:
        "../workflow_scripts/assign_roles.py"


# After the audio, since blocks are of usable clips.
rule assign_blocks:
    input:
        clips=results("corpus/clips.tsv"),
        status=of_shards(results("audio/{split}/{shard}.status.tsv"), ["test"]),
    output:
        blocks=results("corpus/blocks.tsv"),
    log:
        log_of("assign_blocks"),
    benchmark:
        benchmark_of("assign_blocks")
    priority: 12
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(corpus_minutes),
    params:
        seed=config["seed"],
        sounds=config["claims"]["sounds"],
        code=digest("assign_blocks.py"),
    script:
        "../workflow_scripts/assign_blocks.py"
