# Probe sets: sounds from outside the corpus, played to every network.


# This runs on the head node of a cluster: compute nodes often lack internet.
localrules:
    fetch_probe,


rule fetch_probe:
    output:
        zip=results("probes/{probe}/sounds.zip"),
    log:
        log_of("fetch_probe", "{probe}"),
    benchmark:
        benchmark_of("fetch_probe", "{probe}")
    wildcard_constraints:
        probe=one_of(DOWNLOADED_PROBES),
    # Early, since it stops a run whose probe set cannot be had.
    priority: 12
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=memory(800),
        runtime=minutes(60),
    params:
        zip=lambda wildcards: written_url(PROBES[wildcards.probe].zip),
        # The other settings are for a check, and no reason to download again.
        probe=probe_with_query,
        target=probe_targets,
        code=digest("fetch_probe.py"),
    script:
        "../workflow_scripts/fetch_probe.py"


rule read_probe:
    input:
        files=probe_files,
    output:
        sounds=results("probes/{probe}/sounds.h5"),
        table=results("probes/{probe}/sounds.tsv"),
        references=results("probes/{probe}/references.tsv"),
    log:
        log_of("read_probe", "{probe}"),
    benchmark:
        benchmark_of("read_probe", "{probe}")
    priority: 12
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=memory(probe_mb),
        runtime=minutes(60),
    params:
        probe=probe_params,
        target=probe_targets,
        zip=probe_zip,
        clip_seconds=config["corpus"]["clip_seconds"],
        # Only synthesis is random.
        seed=probe_seed,
        ffmpeg=probe_ffmpeg,
        code=lambda wildcards: digest("read_probe.py", *probe_code(wildcards.probe)),
    script:
        "../workflow_scripts/read_probe.py"


rule compute_probe_spectrograms:
    input:
        sounds=results("probes/{probe}/sounds.h5"),
        level=results("audio/level.tsv"),
    output:
        shard=results("{spectrograms}/probe-{probe}/test/00000.h5"),
        index=results("{spectrograms}/probe-{probe}/test/index.tsv"),
    log:
        log_of("compute_probe_spectrograms", "{probe}", "{spectrograms}"),
    benchmark:
        benchmark_of("compute_probe_spectrograms", "{probe}", "{spectrograms}")
    conda:
        "../envs/audio.yaml"
    threads: 1
    resources:
        mem_mb=memory(probe_spectrograms_mb),
        runtime=minutes(60),
    params:
        settings=input_settings,
        code=lambda wildcards: digest(
            "compute_probe_spectrograms.py", *file_of_input(wildcards)
        ),
    script:
        "../workflow_scripts/compute_probe_spectrograms.py"


# One job for all networks of a condition, since each takes seconds.
rule compute_probe_responses:
    input:
        weights=of_seeds(results("networks", network("weights.safetensors"))),
        index=of_input("probe-{probe}/test/index.tsv"),
    output:
        responses=[
            results(
                "responses", "{condition}", f"seed-{seed}", "probe-{probe}", "test.h5"
            )
            for seed in range(1, config["networks"]["seeds"] + 1)
        ],
    log:
        log_of("compute_probe_responses", "{condition}", "{probe}"),
    benchmark:
        benchmark_of("compute_probe_responses", "{condition}", "{probe}")
    wildcard_constraints:
        condition=one_of(TRAINED),
    conda:
        "../envs/networks.yaml"
    threads: config["networks"]["threads"]
    resources:
        **on_gpu(),
        mem_mb=memory(playing_mb),
        runtime=minutes(probe_minutes),
    params:
        model=model_of_job,
        model_code=model_code,
        device=config["networks"]["device"],
        pooled=config["responses"]["pooled"],
        stored_for=STORED_FOR,
        code=digest("compute_probe_responses.py"),
    script:
        "../workflow_scripts/compute_probe_responses.py"


# Other conditions may have another number of networks, and the outputs of a rule cannot depend on
# the condition.
use rule compute_probe_responses as compute_probe_responses_of_fixed with:
    input:
        weights=[results("networks", network("weights.safetensors"))],
        index=of_input("probe-{probe}/test/index.tsv"),
    output:
        responses=[results("responses/{condition}/seed-{seed}/probe-{probe}/test.h5")],
    log:
        log_of("compute_probe_responses", "{condition}", "{seed}", "{probe}"),
    benchmark:
        benchmark_of("compute_probe_responses", "{condition}", "{seed}", "{probe}")
    wildcard_constraints:
        condition=one_of(FIXED + ADOPTED),


rule probes:
    input:
        GATE,
        [
            results(
                "responses", condition, f"seed-{seed}", f"probe-{probe}", "test.h5"
            )
            for condition, seed in NETWORKS
            for probe in PROBES
        ],
