# Spectrograms of every stimulus for each input, and their index.


rule compute_spectrograms:
    input:
        audio=results("audio/{split}/{shard}.h5"),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
    output:
        shards=spectrograms_of([ORIGINAL], "h5"),
        status=spectrograms_of([ORIGINAL], "status.tsv"),
    log:
        log_of("compute_spectrograms", "{split}", "{shard}", "{spectrograms}"),
    benchmark:
        benchmark_of("compute_spectrograms", "{split}", "{shard}", "{spectrograms}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(spectrogram_shard_mb),
        runtime=minutes(stimuli_minutes([ORIGINAL])),
    params:
        # The names are functions of the input, so that another order makes nothing again.
        stimuli=lambda wildcards, input: [ORIGINAL],
        seed=config["seed"],
        compared_seconds=None,
        padded=False,
        settings=input_settings,
        code=lambda wildcards: digest(
            "compute_spectrograms.py", *files_of([ORIGINAL]), *file_of_input(wildcards)
        ),
    script:
        "../workflow_scripts/compute_spectrograms.py"


# The quilts of a shard and what they are compared with: one job reads its sound once for all.
use rule compute_spectrograms as compute_quilt_spectrograms with:
    output:
        shards=spectrograms_of(CUT, "h5"),
        status=spectrograms_of(CUT, "status.tsv"),
    log:
        log_of("compute_quilt_spectrograms", "{split}", "{shard}", "{spectrograms}"),
    benchmark:
        benchmark_of(
            "compute_quilt_spectrograms", "{split}", "{shard}", "{spectrograms}"
        )
    resources:
        mem_mb=memory(spectrogram_shard_mb),
        runtime=minutes(stimuli_minutes(CUT)),
    params:
        stimuli=lambda wildcards, input: CUT,
        seed=config["seed"],
        compared_seconds=config["stimuli"]["compared_seconds"],
        padded=config["stimuli"]["padded"],
        settings=input_settings,
        code=lambda wildcards: digest(
            "compute_spectrograms.py", *files_of(CUT), *file_of_input(wildcards)
        ),


# The stimuli that are whole clips, such as levels.
if WHOLE:

    use rule compute_spectrograms as compute_level_spectrograms with:
        input:
            **level_of_corpus(WHOLE),
            audio=results("audio/{split}/{shard}.h5"),
            clips=results("corpus/clips.tsv"),
            classes=results("corpus/classes.tsv"),
        output:
            shards=spectrograms_of(WHOLE, "h5"),
            status=spectrograms_of(WHOLE, "status.tsv"),
        log:
            log_of("compute_level_spectrograms", "{split}", "{shard}", "{spectrograms}"),
        benchmark:
            benchmark_of(
                "compute_level_spectrograms", "{split}", "{shard}", "{spectrograms}"
            )
        resources:
            mem_mb=memory(spectrogram_shard_mb),
            runtime=minutes(stimuli_minutes(WHOLE)),
        params:
            stimuli=lambda wildcards, input: WHOLE,
            seed=config["seed"],
            compared_seconds=None,
            padded=False,
            settings=input_settings,
            code=lambda wildcards: digest(
                "compute_spectrograms.py", *files_of(WHOLE), *file_of_input(wildcards)
            ),


rule index_spectrograms:
    input:
        clips=results("corpus/clips.tsv"),
        shards=lambda wildcards: [
            results(
                wildcards.spectrograms,
                wildcards.stimulus,
                wildcards.split,
                f"{shard}.h5",
            )
            for shard in SHARDS[wildcards.split]
        ],
    output:
        index=results("{spectrograms}/{stimulus}/{split}/index.tsv"),
    log:
        log_of("index_spectrograms", "{stimulus}", "{split}", "{spectrograms}"),
    benchmark:
        benchmark_of("index_spectrograms", "{stimulus}", "{split}", "{spectrograms}")
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


# What another tool needs to compute responses (docs/responses.md).
rule stimuli:
    input:
        GATE,
        [
            results(folder, stimulus, split, "index.tsv")
            for folder in SPECTROGRAMS
            for stimulus, split in HEARD
        ],


rule spectrograms:
    input:
        expand(
            results("{spectrograms}/original/{split}/index.tsv"),
            spectrograms=SPECTROGRAMS,
            split=SPLITS,
        ),
        *[
            of_shards(results(folder, "original/{split}/{shard}.h5"))
            for folder in SPECTROGRAMS
        ],
