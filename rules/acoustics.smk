# Acoustic covariates of every clip.


rule compute_acoustics:
    input:
        audio=results("audio/{split}/{shard}.h5"),
        spectrograms=results("spectrograms/original/{split}/{shard}.h5"),
    output:
        table=results("acoustics/{split}/{shard}.tsv"),
    log:
        log_of("compute_acoustics", "{split}", "{shard}"),
    benchmark:
        benchmark_of("compute_acoustics", "{split}", "{shard}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(audio_shard_mb),
        runtime=minutes(shard_minutes),
    params:
        code=digest("compute_acoustics.py"),
    script:
        "../workflow_scripts/compute_acoustics.py"


rule join_acoustics:
    input:
        shards=lambda wildcards: [
            results("acoustics", wildcards.split, f"{shard}.tsv")
            for shard in SHARDS[wildcards.split]
        ],
    output:
        table=results("acoustics/{split}.tsv"),
    log:
        log_of("join_acoustics", "{split}"),
    benchmark:
        benchmark_of("join_acoustics", "{split}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(corpus_minutes),
    params:
        code=digest("join_acoustics.py"),
    script:
        "../workflow_scripts/join_acoustics.py"


rule acoustics:
    input:
        expand(results("acoustics/{split}.tsv"), split=SPLITS),
