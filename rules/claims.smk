# Whether the claims hold.


COMPARED = compared(*config["claims"]["compared"])
# The targets and conditions whose responses to quilts claims use.
COMPARED_QUILTS = [[TARGET, name] for name in COMPARED] + [
    [target, CLAIMED] for target in FURTHER_TARGETS
]
# Of the probe sets with sounds of the target, the first.
COMPARED_PROBE = [probe for target, probe in PROFILED if target == TARGET][:1]
EMBEDDED = networks_of(compared("controls", "shuffled"))
DECODED = networks_of(compared("features"))
COMPARED_PROFILES = compared("controls", "target_heard") if COMPARED_PROBE else []
# What the claims are about, for a plan too.
STUDY = {
    "condition": CLAIMED,
    **config["claims"]["compared"],
    # Those with a single network, which is compared with each of the claims'.
    "fixed": [name for name in COMPARED if not has_replicates(name)],
    "target": target_name(TARGETS[TARGET]),
    "further": [target_name(TARGETS[target]) for target in FURTHER_TARGETS],
    "fraction": config["selectivity"]["fraction"],
    "smallest_effects": config["claims"]["smallest_effects"],
}


rule assess_claims:
    input:
        selectivity=[
            results("selectivity", target, "summary.tsv") for target in TARGETS
        ],
        segregation=of_networks(
            results("embedding/{target}", network("segregation.tsv")), EMBEDDED
        ),
        recognition=results("recognition/summary.tsv"),
        decoding=of_networks(
            results("decoding/{target}", network("decoding.tsv")), DECODED
        ),
        genres=results("genres", TARGET, f"{CLAIMED}.tsv"),
        quilts=[
            results("quilts", target, condition, "responses.tsv")
            for target, condition in COMPARED_QUILTS
        ],
        correlation=results("quilts", TARGET, CLAIMED, "correlation.tsv"),
        lesions=of_lesions("lesions.tsv", [CLAIMED]),
        specificity=of_conditions(
            results("specificity/{target}/{condition}/networks.tsv"), OF_CLASSES
        ),
        specificity_left_out=of_conditions(
            results("specificity/{target}/{condition}/left_out.tsv"), OF_CLASSES
        ),
        # None where the analysis is not configured.
        levels=[results("levels", TARGET, f"{CLAIMED}.tsv")] if LEVELS else [],
        emergence=(
            of_emergence("emergence.tsv", [CLAIMED])
            if CLAIMED in WITH_SNAPSHOTS
            else []
        ),
        ratios=of_compared_probe("ratios.tsv", COMPARED_PROFILES),
        categories=of_compared_probe("categories.tsv", [CLAIMED]),
        components=of_compared_probe("components.tsv", [CLAIMED]),
        blocks=results("corpus/blocks.tsv"),
        # The same without each block of sounds.
        selectivity_left_out=[
            results("selectivity", target, "left_out.tsv") for target in TARGETS
        ],
        segregation_left_out=of_networks(
            results("embedding/{target}", network("left_out.tsv")), EMBEDDED
        ),
        recognition_left_out=results("recognition/left_out.tsv"),
        decoding_left_out=of_networks(
            results("decoding/{target}", network("left_out.tsv")), DECODED
        ),
        genres_left_out=results("genres", TARGET, f"{CLAIMED}-left-out.tsv"),
        quilts_left_out=[
            results("quilts", target, condition, "left_out.tsv")
            for target, condition in COMPARED_QUILTS
        ],
        lesions_left_out=of_lesions("left_out.tsv", [CLAIMED]),
        levels_left_out=(
            [results("levels", TARGET, f"{CLAIMED}-left-out.tsv")] if LEVELS else []
        ),
        emergence_left_out=(
            of_emergence("left_out.tsv", [CLAIMED])
            if CLAIMED in WITH_SNAPSHOTS
            else []
        ),
        ratios_left_out=of_compared_probe("left_out_ratios.tsv", COMPARED_PROFILES),
        categories_left_out=of_compared_probe("left_out_categories.tsv", [CLAIMED]),
        components_left_out=of_compared_probe("left_out_components.tsv", [CLAIMED]),
    output:
        claims=report(
            results("claims/claims.tsv"),
            caption="../report/claims.rst",
            category="Claims",
        ),
        estimates=results("claims/estimates.tsv"),
        settings=results("claims/settings.json"),
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
        study=STUDY,
        # The targets or conditions of the tables in each list.
        names={
            "selectivity": [target_name(target) for target in TARGETS.values()],
            "segregation": [condition for condition, _ in EMBEDDED],
            "decoding": [condition for condition, _ in DECODED],
            "specificity": OF_CLASSES,
            "quilts": [
                [target_name(TARGETS[target]), condition]
                for target, condition in COMPARED_QUILTS
            ],
            "ratios": COMPARED_PROFILES,
        },
        sounds=config["claims"]["sounds"],
        # The code is a function of the input: it changes no result, and `code` counts already.
        judged_by=lambda wildcards, input: digest("assess_claims.py"),
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
