# Figures, drawn from the tables: one rule for each entry of a table.

OF_TARGET = {"target": config["corpus"]["target"]}
OF_CONDITIONS = {"conditions": list(CONDITIONS)}
OF_SCORED = {"conditions": WITH_OUTPUTS}
OF_LAYER = {"layer": config["selectivity"]["layer"]}
# For tables without the layer: each model's own layer counts if some models lack the configured one.
OF_NAMED_LAYER = {"layer": LAYER_SHOWN}
FIRST_CONDITION = next(iter(CONDITIONS))
# Figures that show numbers of every clip.
OF_CLIPS = ["selective_responses", "all_units"]

# For each module of music_detectors/figures: the figure's section in the report, the files that it is
# drawn from, and the params. The report shows the figures of a section in this order.
DRAWN = {
    "yields": (
        "Corpus",
        {
            "table": results("audio/yield.tsv"),
            "splits": results("audio/yield_splits.tsv"),
        },
        {},
    ),
    "example_spectrograms": (
        "Corpus",
        {
            "index": results("spectrograms/original/test/index.tsv"),
            "clips": results("corpus/clips.tsv"),
            "classes": results("corpus/classes.tsv"),
        },
        {},
    ),
    **(
        {
            "learning_curves": (
                "Recognition",
                {
                    "histories": of_networks(
                        results("networks", network("history.tsv")), TRAINED_NETWORKS
                    )
                },
                {
                    "networks": TRAINED_NETWORKS,
                    "kept_last": [
                        name for name in TRAINED if CONDITIONS[name]["keep"] == "last"
                    ],
                },
            ),
        }
        if TRAINED_NETWORKS
        else {}
    ),
    "average_precision": (
        "Recognition",
        {"table": results("recognition/summary.tsv")},
        {
            "relabelled": [
                name for name in TRAINED if CONDITIONS[name]["labels"] != "given"
            ]
        }
        | OF_SCORED
        | OF_TARGET,
    ),
    "selective_responses": (
        "Selectivity",
        {
            "tables": of_networks(
                results("selectivity/{target}", network("clip_responses.tsv"))
            )
        },
        {"networks": NETWORKS} | OF_NAMED_LAYER | OF_TARGET,
    ),
    "all_units": (
        "Selectivity",
        {
            "tables": of_networks(
                results("selectivity/{target}", network("clip_responses.tsv")),
                networks_of([CLAIMED]),
            ),
            "summary": results("selectivity", TARGET, "summary.tsv"),
        },
        {"condition": CLAIMED} | OF_CONDITIONS | OF_LAYER | OF_TARGET,
    ),
    "response_ratio": (
        "Selectivity",
        {"table": results("selectivity", TARGET, "summary.tsv")},
        OF_CONDITIONS | OF_LAYER | OF_TARGET,
    ),
    "class_responses": (
        "Selectivity",
        {
            "tables": of_networks(
                results("selectivity/{target}", network("class_responses.tsv")),
                [pair for pair in NETWORKS if pair[0] == FIRST_CONDITION],
            )
        },
        {"condition": FIRST_CONDITION} | OF_TARGET,
    ),
    "selectivity_index": (
        "Selectivity",
        {"units": of_networks(results("selectivity/{target}", network("units.tsv")))},
        {"networks": NETWORKS} | OF_LAYER | OF_TARGET,
    ),
    "quilts": (
        "Acoustics and time",
        {"tables": of_conditions(results("quilts/{target}/{condition}/responses.tsv"))},
        OF_CONDITIONS | OF_NAMED_LAYER | OF_TARGET,
    ),
    "quilts_genres": (
        "Acoustics and time",
        {"table": results("quilts", TARGET, CLAIMED, "genres.tsv")},
        {"condition": CLAIMED} | OF_NAMED_LAYER | OF_TARGET,
    ),
    "specificity": (
        "Selectivity",
        {
            name: of_conditions(
                results("specificity/{target}/{condition}", f"{name}.tsv"), OF_CLASSES
            )
            for name in ("networks", "sets")
        },
        {"conditions": OF_CLASSES} | OF_TARGET,
    ),
    "selectivity_by_layer": (
        "Selectivity",
        {"table": results("selectivity", TARGET, "summary.tsv")},
        OF_CONDITIONS | OF_LAYER | OF_TARGET,
    ),
    "genres": (
        "Selectivity",
        {"tables": of_conditions(results("genres/{target}/{condition}.tsv"))},
        OF_CONDITIONS | OF_TARGET,
    ),
    "embedding": (
        "Representation",
        {
            # Of the first network of each condition.
            "points": of_networks(
                results("embedding/{target}", network("points.tsv")),
                [(name, seeds_of(name)[0]) for name in CONDITIONS],
            ),
            "segregation": of_networks(
                results("embedding/{target}", network("segregation.tsv"))
            ),
        },
        {"networks": NETWORKS} | OF_TARGET,
    ),
    "decoding_features": (
        "Representation",
        {"tables": of_networks(results("decoding/{target}", network("decoding.tsv")))},
        {"networks": NETWORKS} | OF_TARGET,
    ),
    "decoding_genres": (
        "Selectivity",
        {
            "tables": of_networks(
                results("decoding/{target}", network("decoding.tsv")),
                networks_of([CLAIMED]),
            ),
            "classes": results("corpus/classes.tsv"),
        },
        {"condition": CLAIMED} | OF_NAMED_LAYER | OF_TARGET,
    ),
    "decoding": (
        "Selectivity",
        {"tables": of_networks(results("decoding/{target}", network("decoding.tsv")))},
        {"networks": NETWORKS} | OF_NAMED_LAYER | OF_TARGET,
    ),
    "acoustics": (
        "Acoustics and time",
        {"table": results("selectivity", TARGET, "summary.tsv")},
        OF_CONDITIONS | OF_LAYER | OF_TARGET,
    ),
    "lesions": (
        "Lesions",
        {"tables": of_lesions("lesions.tsv", WITH_OUTPUTS)},
        {
            "networks": NETWORKS_WITH_OUTPUTS,
            "fraction": config["selectivity"]["fraction"],
        },
    ),
    "lesion_dose": (
        "Lesions",
        {"tables": of_lesions("lesions.tsv", WITH_OUTPUTS)},
        {"networks": NETWORKS_WITH_OUTPUTS} | OF_TARGET,
    ),
    "lesion_classes": (
        "Lesions",
        {"tables": of_lesions("classes.tsv", [WITH_OUTPUTS[0]])},
        {
            "condition": WITH_OUTPUTS[0],
            "fraction": config["selectivity"]["fraction"],
        },
    ),
    "claims": (
        "Claims",
        {
            "claims": results("claims/claims.tsv"),
            "estimates": results("claims/estimates.tsv"),
        },
        {},
    ),
}
if PREFERRED:
    DRAWN["preferred_stimuli"] = (
        "Selectivity",
        {
            **dict(zip(("stimuli", "table", "top"), PREFERRED)),
            "index": results("spectrograms/original/test/index.tsv"),
            "clips": results("corpus/clips.tsv"),
            "classes": results("corpus/classes.tsv"),
        },
        {},
    )
if WITH_SNAPSHOTS:
    DRAWN["emergence"] = (
        "Representation",
        {
            "tables": of_emergence("emergence.tsv", WITH_SNAPSHOTS),
            # Of the first network.
            "points": of_emergence("points.tsv", WITH_SNAPSHOTS)[0],
        },
        {"networks": networks_of(WITH_SNAPSHOTS)} | OF_TARGET,
    )
if LEVELS:
    DRAWN["levels"] = (
        "Selectivity",
        {"tables": of_conditions(results("levels/{target}/{condition}.tsv"))},
        OF_CONDITIONS | OF_NAMED_LAYER | OF_TARGET,
    )
if len(CONDITIONS) > 1:
    DRAWN["quilts_relative"] = (
        "Acoustics and time",
        {
            "tables": of_conditions(results("quilts/{target}/{condition}/intact.tsv")),
            "comparisons": results("quilts", TARGET, "conditions.tsv"),
        },
        {"reference": CLAIMED} | OF_CONDITIONS | OF_NAMED_LAYER | OF_TARGET,
    )
# The probe sets with sounds of the first target, and those of them with reference profiles.
PROFILED_PROBES = [name for target, name in PROFILED if target == TARGET]
REFERENCE_PROBES = [name for name in PROFILED_PROBES if PROBES[name].has_profiles]


if PROFILED_PROBES:
    DRAWN["profile_sounds"] = (
        "Probe sets",
        {"tables": profiles_of("sounds.tsv", PROFILED_PROBES)},
        {"probes": PROFILED_PROBES} | OF_CONDITIONS,
    )
    DRAWN["profile_categories"] = (
        "Probe sets",
        {
            name: profiles_of(f"{name}.tsv", PROFILED_PROBES)
            for name in ("sounds", "contrasts", "ratios")
        },
        {"probes": PROFILED_PROBES} | OF_CONDITIONS,
    )
if REFERENCE_PROBES:
    DRAWN["profile_components"] = (
        "Probe sets",
        {
            "components": profiles_of("components.tsv", REFERENCE_PROBES),
            "means": profiles_of("component_means.tsv", REFERENCE_PROBES),
        },
        {"probes": REFERENCE_PROBES} | OF_CONDITIONS,
    )
if FURTHER_TARGETS:
    DRAWN["quilts_targets"] = (
        "Acoustics and time",
        {
            "tables": [
                results("quilts", target, CLAIMED, "responses.tsv")
                for target in TARGETS
            ]
        },
        {"targets": list(TARGETS.values()), "condition": CLAIMED} | OF_NAMED_LAYER,
    )
    DRAWN["targets"] = (
        "Selectivity",
        {
            "tables": [
                results("selectivity", target, "summary.tsv") for target in TARGETS
            ]
        },
        {"targets": list(TARGETS.values()), "condition": CLAIMED} | OF_LAYER,
    )
FIGURES = [
    results("figures", f"{figure}.{suffix}")
    for figure in DRAWN
    for suffix in ("svg", "png")
]


# The names of the figures in each section of the report.
FIGURES_BY_SECTION = {}
for figure, (section, _, _) in DRAWN.items():
    FIGURES_BY_SECTION.setdefault(section, []).append(figure)

# The files that each is drawn from, or the folder of those that there are several of.
TABLES_OF_FIGURES = {
    figure: sorted(
        {
            paths if isinstance(paths, str) else os.path.commonpath(paths)
            for paths in tables.values()
        }
    )
    for figure, (_, tables, _) in DRAWN.items()
}

for figure, (section, tables, settings) in DRAWN.items():

    rule:
        name:
            f"plot_{figure}"
        input:
            **tables,
        output:
            svg=results("figures", f"{figure}.svg"),
            png=report(
                results("figures", f"{figure}.png"),
                caption=f"../report/{figure}.rst",
                category=section,
            ),
        log:
            log_of(f"plot_{figure}"),
        benchmark:
            benchmark_of(f"plot_{figure}")
        # Each figure is drawn early, so that the yield is drawn before the gate may stop the run.
        priority: 10
        conda:
            "../envs/figures.yaml"
        threads: 1
        resources:
            mem_mb=memory(clip_responses_mb if figure in OF_CLIPS else table_mb),
            runtime=minutes(30),
        params:
            **settings,
            code=digest("plot_figure.py", f"music_detectors/figures/{figure}.py"),
        script:
            "../workflow_scripts/plot_figure.py"


rule figures:
    input:
        GATE,
        FIGURES,
