# Decoding of the target and its genres from units, other features and acoustic covariates.


rule decode_target:
    input:
        units=results("selectivity/{target}", network("units.tsv")),
        train=results("responses", network("original", "train.h5")),
        test=results("responses", network("original", "test.h5")),
        fixed_train=responses_of_fixed("train"),
        fixed_test=responses_of_fixed("test"),
        clips=for_target("clips.tsv"),
        classes=for_target("classes.tsv"),
        blocks=results("corpus/blocks.tsv"),
        matched=results("selectivity/{target}/matched.tsv"),
        acoustics_train=results("acoustics/train.tsv"),
        acoustics_test=results("acoustics/test.tsv"),
    output:
        table=results("decoding/{target}", network("decoding.tsv")),
        left_out=results("decoding/{target}", network("left_out.tsv")),
    log:
        log_of("decode_target", "{target}", "{condition}", "{seed}"),
    benchmark:
        benchmark_of("decode_target", "{target}", "{condition}", "{seed}")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(decoding_mb),
        runtime=minutes(corpus_minutes),
    params:
        layer=config["selectivity"]["layer"],
        units=config["decoding"]["units"],
        seed=config["seed"],
        fixed=features_joined,
        code=digest("decode_target.py"),
    script:
        "../workflow_scripts/decode_target.py"


rule decoding:
    input:
        GATE,
        of_networks(results("decoding/{target}", network("decoding.tsv"))),
