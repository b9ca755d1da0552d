# The stimuli that drive the most selective units, found by gradient ascent: log-Mels, so only of networks
# that hear these.
HEAR_LOG_MELS = [name for name in WITH_OUTPUTS if INPUT_OF[name] == LOG_MEL]


rule find_preferred:
    input:
        weights=results("networks", network("weights.safetensors")),
        units=results("selectivity/{target}", network("units.tsv")),
        index=results("spectrograms/original/train/index.tsv"),
        train=results("responses", network("original", "train.h5")),
        test=results("responses", network("original", "test.h5")),
    output:
        stimuli=results("preferred/{target}", network("stimuli.h5")),
        table=results("preferred/{target}", network("units.tsv")),
        clips=results("preferred/{target}", network("clips.tsv")),
    log:
        log_of("find_preferred", "{target}", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("find_preferred", "{target}", "{condition}", "{seed}")
    wildcard_constraints:
        condition=one_of(HEAR_LOG_MELS),
    conda:
        "../envs/networks.yaml"
    threads: 1
    resources:
        mem_mb=memory(preferred_mb),
        runtime=minutes(preferred_minutes),
    params:
        model=model_of_job,
        model_code=model_code,
        layer=config["selectivity"]["layer"],
        seed=config["seed"],
        code=digest("find_preferred.py"),
    script:
        "../workflow_scripts/find_preferred.py"


# The stimuli of one network, the first of the condition of the claims.
PREFERRED = [
    path.format(target=TARGET, condition=CLAIMED, seed=seeds_of(CLAIMED)[0])
    for path in rules.find_preferred.output
    if CLAIMED in HEAR_LOG_MELS
]
