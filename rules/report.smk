# The page that says what was found, on what, and how, the sounds that it plays, and the page of all units.


rule cut_excerpts:
    input:
        unpack(files_with_licences),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
        index=results("spectrograms/original/test/index.tsv"),
        audio=of_shards(results("audio/{split}/{shard}.h5"), ["test"]),
        level=results("audio/level.tsv"),
        responses=of_networks(
            results("selectivity/{target}", network("clip_responses.tsv")),
            networks_of([CLAIMED]),
        ),
        profiles=[
            results("profiles", TARGET, probe, CLAIMED, "sounds.tsv")
            for probe in PROFILED_PROBES
        ],
        probe_sounds=[
            results("probes", probe, "sounds.h5") for probe in PROFILED_PROBES
        ],
    output:
        table=results("excerpts/excerpts.tsv"),
    log:
        log_of("cut_excerpts"),
    benchmark:
        benchmark_of("cut_excerpts")
    conda:
        "../envs/excerpts.yaml"
    threads: 1
    resources:
        mem_mb=memory(audio_shard_mb),
        runtime=minutes(60),
    params:
        sound=config["report"]["sound"],
        megabytes=config["report"]["sound_megabytes"],
        stimuli=PLAYED,
        target=target_name(config["corpus"]["target"]),
        probes=PROFILED_PROBES,
        made_probes=[name for name in PROFILED_PROBES if PROBES[name].is_made],
        probe_terms=[
            (PROBES[name].licence, PROBES[name].attribution)
            for name in PROFILED_PROBES
        ],
        is_made=SOURCE.SOUND == "embedded",
        # A function of the input: the corpus says what runs again when it changes.
        source=source_of_clips,
        seed=config["seed"],
        compared_seconds=config["stimuli"]["compared_seconds"],
        code=digest("cut_excerpts.py", SOURCE_FILE, *files_of(PLAYED)),
    script:
        "../workflow_scripts/cut_excerpts.py"


rule write_report:
    input:
        claims=results("claims/claims.tsv"),
        corpus=results("corpus/summary.tsv"),
        clips=results("corpus/clips.tsv"),
        conditions=results("corpus/conditions.tsv"),
        # The page is written only if the yield passes the gate.
        gate=GATE,
        audio=results("audio/yield.tsv"),
        clipped=results("audio/clipped.tsv"),
        recognition=results("recognition/summary.tsv"),
        selectivity=results("selectivity", TARGET, "summary.tsv"),
        weights=of_networks(results("networks", network("weights.safetensors"))),
        figures=FIGURES,
        excerpts=results("excerpts/excerpts.tsv"),
        genres=results("genres", TARGET, f"{CLAIMED}.tsv"),
    output:
        page=results("report.html"),
    log:
        log_of("write_report"),
    benchmark:
        benchmark_of("write_report")
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(30),
    params:
        config=SHOWN,
        sections=FIGURES_BY_SECTION,
        tables=TABLES_OF_FIGURES,
        # Not inputs: benchmarks and logs are no results, and the page shows those that exist.
        benchmarks=results("benchmarks"),
        logs=results("logs"),
        # Nor is the plan, which no rule makes again; another plan renews the report alone.
        plan=results("plan"),
        planned=digest_of_plan(),
        judged_by=lambda wildcards, input: digest("assess_claims.py"),
        texts=digest_of_texts("*.rst", "page.html.j2"),
        code=digest("write_report.py"),
    script:
        "../workflow_scripts/write_report.py"


# The stimuli that the page of units shows curves of.
CURVED = {
    stimulus: segment_ms_of(stimulus)
    for stimulus in CUT
    if stimulus == INTACT or segment_ms_of(stimulus) is not None
}


rule explore_units:
    input:
        unpack(files_with_licences),
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
        units=of_networks(results("selectivity/{target}", network("units.tsv"))),
        # Network by network.
        responses=[
            results("responses", condition, f"seed-{seed}", stimulus, "test.h5")
            for condition, seed in NETWORKS
            for stimulus in [
                ORIGINAL,
                *(f"probe-{probe}" for probe in PROFILED_PROBES),
                *CURVED,
            ]
        ],
        points=of_networks(results("embedding/{target}", network("points.tsv"))),
        indices=[
            results("spectrograms", stimulus, "test", "index.tsv") for stimulus in CUT
        ],
        audio=of_shards(results("audio/{split}/{shard}.h5"), ["test"]),
        level=results("audio/level.tsv"),
        probe_tables=[
            results("probes", probe, "sounds.tsv") for probe in PROFILED_PROBES
        ],
        probe_sounds=[
            results("probes", probe, "sounds.h5") for probe in PROFILED_PROBES
        ],
    output:
        page=results("units.html"),
    log:
        log_of("explore_units"),
    benchmark:
        benchmark_of("explore_units")
    conda:
        "../envs/units.yaml"
    threads: 1
    resources:
        mem_mb=memory(explorer_mb),
        runtime=minutes(explorer_minutes),
    params:
        corpus=config["corpus"]["name"],
        target=target_name(config["corpus"]["target"]),
        networks=NETWORKS,
        condition=CLAIMED,
        layer=config["selectivity"]["layer"],
        original=ORIGINAL,
        quilts=CURVED,
        probes={name: PROBES[name].target[TARGET] for name in PROFILED_PROBES},
        made_probes=[name for name in PROFILED_PROBES if PROBES[name].is_made],
        probe_terms=[
            (PROBES[name].licence, PROBES[name].attribution)
            for name in PROFILED_PROBES
        ],
        is_made=SOURCE.SOUND == "embedded",
        source=source_of_clips,
        sound=config["report"]["sound"],
        megabytes=config["report"]["sound_megabytes"],
        texts=digest_of_texts("units.*"),
        code=digest("explore_units.py", SOURCE_FILE),
    script:
        "../workflow_scripts/explore_units.py"


rule report:
    input:
        rules.write_report.output,
        rules.explore_units.output,
