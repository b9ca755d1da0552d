# Fetch sound, decode it to mono 22,050 Hz, and count the usable clips.


rule index_archives:
    input:
        archives=ARCHIVES,
    output:
        index=results("audio/archives.tsv"),
    log:
        log_of("index_archives"),
    benchmark:
        benchmark_of("index_archives")
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=memory(600),
        runtime=minutes(120),
    params:
        recordings=state_of_archives,
        code=digest("index_archives.py"),
    script:
        "../workflow_scripts/index_archives.py"


# An interrupted or stopped job (exit code 75) continues from its journal: see docs/fetching.md.
rule fetch_audio:
    input:
        unpack(fetching_files),
    output:
        fetched=FETCHED if config["audio"]["download"]["keep"] else temp(FETCHED),
    log:
        log_of("fetch_audio", "{split}", "{shard}"),
    benchmark:
        benchmark_of("fetch_audio", "{split}", "{shard}")
    # Fetch before other jobs, so that a lack of clips shows before anything is computed.
    priority: 1
    # No retry: a source may have asked for a pause. The next run continues.
    retries: 0
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=memory(1500),
        runtime=minutes(fetching_minutes),
        youtube=int("youtube" in SOURCES),
    params:
        audio=fetching_settings,
        manifest=manifest_of_clips,
        journal=fetching_journal,
        code=digest("fetch_audio.py"),
    script:
        "../workflow_scripts/fetch_audio.py"


rule decode_audio:
    input:
        unpack(audio_files),
    output:
        shard=results("audio/{split}/{shard}.h5"),
        status=results("audio/{split}/{shard}.status.tsv"),
    log:
        log_of("decode_audio", "{split}", "{shard}"),
    benchmark:
        benchmark_of("decode_audio", "{split}", "{shard}")
    priority: 1
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=memory(audio_shard_mb),
        runtime=minutes(audio_minutes),
    params:
        # Only synthesis is random.
        seed=config["seed"] if SOURCE.SOUND == "embedded" else None,
        clip_seconds=config["corpus"]["clip_seconds"],
        audio=audio_settings,
        recordings=state_of_recordings,
        dropped=dropped_journal,
        code=digest("decode_audio.py"),
    script:
        "../workflow_scripts/decode_audio.py"


rule summarise_yield:
    input:
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
        status=of_shards(results("audio/{split}/{shard}.status.tsv")),
    output:
        table=report(
            results("audio/yield.tsv"),
            caption="../report/yield.rst",
            category="Corpus",
        ),
        splits=report(
            results("audio/yield_splits.tsv"),
            caption="../report/yield_splits.rst",
            category="Corpus",
        ),
    log:
        log_of("summarise_yield"),
    benchmark:
        benchmark_of("summarise_yield")
    priority: 12
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(corpus_minutes),
    params:
        code=digest("summarise_yield.py"),
    script:
        "../workflow_scripts/summarise_yield.py"


rule measure_level:
    input:
        status=of_shards(results("audio/{split}/{shard}.status.tsv")),
    output:
        level=results("audio/level.tsv"),
    log:
        log_of("measure_level"),
    benchmark:
        benchmark_of("measure_level")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(corpus_minutes),
    params:
        code=digest("measure_level.py"),
    script:
        "../workflow_scripts/measure_level.py"


rule find_clipped:
    input:
        train=of_shards(results("audio/{split}/{shard}.h5"), ["train"]),
        test=of_shards(results("audio/{split}/{shard}.h5"), ["test"]),
    output:
        table=results("audio/clipped.tsv"),
    log:
        log_of("find_clipped"),
    benchmark:
        benchmark_of("find_clipped")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(audio_shard_mb),
        runtime=minutes(corpus_minutes),
    params:
        code=digest("find_clipped.py"),
    script:
        "../workflow_scripts/find_clipped.py"


# A separate rule, because the yield tables are needed most when it stops the run. Networks do not
# depend on its output: otherwise new limits, or a test shard that is fetched again, would retrain
# them. Every named target requests it, and training checks its own split.
rule check_audio:
    input:
        table=results("audio/yield.tsv"),
        splits=results("audio/yield_splits.tsv"),
    output:
        gate=GATE,
    log:
        log_of("check_audio"),
    benchmark:
        benchmark_of("check_audio")
    priority: 8
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(30),
    params:
        max_bad_share=config["audio"]["max_bad_share"],
        min_clips=config["audio"]["min_clips"],
        code=digest("check_audio.py"),
    script:
        "../workflow_scripts/check_audio.py"
