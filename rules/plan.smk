# What will be judged, written before anything is trained.


# The job leaves the same plan alone and refuses to replace another. Snakemake would remove an output
# before the job runs and after it has failed; of one that is updated it keeps the earlier version.
rule plan:
    input:
        clips=results("corpus/clips.tsv"),
        classes=results("corpus/classes.tsv"),
    output:
        plan=update(results("plan/plan.json")),
        page=update(results("plan/plan.md")),
    log:
        log_of("plan"),
    benchmark:
        benchmark_of("plan")
    conda:
        "../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=memory(table_mb),
        runtime=minutes(30),
    params:
        config=SHOWN,
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
