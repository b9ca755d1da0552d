# log-Mel spectrograms of every stimulus, and their index.


rule compute_spectrograms:
    input:
        unpack(level_of_corpus),
        audio=results("audio/{split}/{shard}.h5"),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
    output:
        shard=results("spectrograms/{stimulus}/{split}/{shard}.h5"),
        status=results("spectrograms/{stimulus}/{split}/{shard}.status.tsv"),
    log:
        log_of("compute_spectrograms", "{stimulus}", "{split}", "{shard}"),
    benchmark:
        benchmark_of("compute_spectrograms", "{stimulus}", "{split}", "{shard}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(spectrogram_shard_mb),
        runtime=minutes(shard_minutes),
    params:
        seed=config["seed"],
        compared_seconds=played_seconds,
        padded=is_padded,
        code=lambda wildcards: digest(
            "compute_spectrograms.py", file_of(wildcards.stimulus)
        ),
    script:
        "../workflow_scripts/compute_spectrograms.py"


rule index_spectrograms:
    input:
        clips=results("corpus/clips.tsv"),
        shards=lambda wildcards: [
            results("spectrograms", wildcards.stimulus, wildcards.split, f"{shard}.h5")
            for shard in SHARDS[wildcards.split]
        ],
    output:
        index=results("spectrograms/{stimulus}/{split}/index.tsv"),
    log:
        log_of("index_spectrograms", "{stimulus}", "{split}"),
    benchmark:
        benchmark_of("index_spectrograms", "{stimulus}", "{split}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(corpus_minutes),
    params:
        code=digest("index_spectrograms.py"),
    script:
        "../workflow_scripts/index_spectrograms.py"


rule spectrograms:
    input:
        expand(results("spectrograms/original/{split}/index.tsv"), split=SPLITS),
        of_shards(results("spectrograms/original/{split}/{shard}.h5")),
