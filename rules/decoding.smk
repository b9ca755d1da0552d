# Decoding of the target from units and from acoustic covariates.


rule decode_target:
    input:
        units=of_seeds(results("selectivity/{target}", network("units.tsv"))),
        train=of_seeds(results("responses", network("original", "train.h5"))),
        test=of_seeds(results("responses", network("original", "test.h5"))),
        clips=for_target("clips.tsv"),
        acoustics_train=acoustics_of("train"),
        acoustics_test=acoustics_of("test"),
    output:
        table=results("decoding/{target}/{condition}.tsv"),
    log:
        log_of("decode_target", "{target}", "{condition}"),
    benchmark:
        benchmark_of("decode_target", "{target}", "{condition}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(responses_mb),
        runtime=minutes(corpus_minutes),
    params:
        layer=config["selectivity"]["layer"],
        units=config["decoding"]["units"],
        seeds=seeds_of_job,
        code=digest("decode_target.py"),
    script:
        "../workflow_scripts/decode_target.py"


rule decoding:
    input:
        GATE,
        of_conditions(results("decoding/{target}/{condition}.tsv")),
