# Whether the claims hold.

# The condition that the claims are about, and those of its controls that are run.
COMPARED = [
    CLAIMED,
    *(name for name in config["claims"]["controls"] if name in CONDITIONS),
]
COMPARED_NETWORKS = [pair for pair in NETWORKS if pair[0] in COMPARED]


rule assess_claims:
    input:
        segregation=of_conditions(
            results("embedding/{target}/{condition}/segregation.tsv"), COMPARED
        ),
        units=of_networks(
            results("selectivity/{target}", network("units.tsv")), COMPARED_NETWORKS
        ),
        recognition=results("recognition/summary.tsv"),
        genres=results("genres", TARGET, f"{CLAIMED}.tsv"),
        quilts=of_conditions(
            results("quilts/{target}/{condition}/responses.tsv"), COMPARED
        ),
        decoding=results("decoding", TARGET, f"{CLAIMED}.tsv"),
        lesions=of_lesions("lesions.tsv", [CLAIMED], [NEAREST_FRACTION])[0],
    output:
        claims=report(
            results("claims/claims.tsv"),
            caption="../report/claims.rst",
            category="Claims",
        ),
        estimates=results("claims/estimates.tsv"),
    log:
        log_of("assess_claims"),
    benchmark:
        benchmark_of("assess_claims")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(900),
        runtime=minutes(30),
    params:
        study={
            "condition": CLAIMED,
            "controls": config["claims"]["controls"],
            "shuffled": [
                name
                for name in COMPARED
                if CONDITIONS[name].get("labels", "given") != "given"
            ],
            "fixed": [name for name in COMPARED if name in FIXED],
            "target": target_name(config["corpus"]["target"]),
            "fraction": config["selectivity"]["fraction"],
            "smallest_effects": config["claims"]["smallest_effects"],
        },
        conditions=COMPARED,
        networks=COMPARED_NETWORKS,
        layer=config["selectivity"]["layer"],
        alpha=config["claims"]["alpha"],
        min_networks=config["claims"]["min_networks"],
        code=digest("assess_claims.py"),
    script:
        "../workflow_scripts/assess_claims.py"


rule claims:
    input:
        GATE,
        rules.assess_claims.output,
