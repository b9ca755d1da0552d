# What will be judged, written before anything is trained.


# The plan is no output: Snakemake removes outputs before it makes them again, and a plan is kept.
# Without one (nor a benchmark, which counts as one), the rule runs whenever it is asked for; it leaves
# the same plan alone and refuses to replace another.
rule plan:
    input:
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
    log:
        log_of("plan"),
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(30),
    params:
        folder=results("plan"),
        config=config,
        study=STUDY,
        networks={name: len(seeds_of(name)) for name in CONDITIONS},
        weights=of_networks(
            results("networks", network("weights.safetensors")), TRAINED_NETWORKS
        ),
        judged_by=digest("assess_claims.py"),
        absent=[
            claim
            for claim, there in {
                "level": LEVELS,
                "probe": COMPARED_PROBE,
                "emergence": CLAIMED in WITH_SNAPSHOTS,
            }.items()
            if not there
        ],
        code=digest("plan.py"),
    script:
        "../workflow_scripts/plan.py"
