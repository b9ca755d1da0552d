# Every file that is kept, for the target `all`.


def of_all(
    patterns,
    splits=SPLITS,
    stimuli=(ORIGINAL,),
    conditions=CONDITIONS,
    targets=(TARGET,),
):
    """`patterns` for each value of their wildcards.

    `{shard}` takes those of each of `splits`, `{seed}` those of each of `conditions`.
    """
    for pattern in map(strip_wildcard_constraints, patterns):
        names = get_wildcard_names(pattern)
        of_splits = splits if names & {"split", "shard"} else splits[:1]
        for (target, condition), split, stimulus in product(
            analysed(conditions, targets, names),
            of_splits,
            stimuli if "stimulus" in names else [None],
        ):
            for seed, shard, spectrograms in product(
                seeds_of(condition) if "seed" in names else [None],
                SHARDS[split] if "shard" in names else [None],
                SPECTROGRAMS if "spectrograms" in names else [None],
            ):
                yield pattern.format(
                    target=target,
                    condition=condition,
                    seed=seed,
                    split=split,
                    shard=shard,
                    stimulus=stimulus,
                    spectrograms=spectrograms,
                )


def analysed(conditions, targets, names):
    """The pairs of target and condition that are analysed; None for either that is not in `names`."""
    return [
        (target, condition)
        for target in (targets if "target" in names else [None])
        for condition in (conditions if "condition" in names else [None])
        if None in (target, condition) or condition in conditions_of(target)
    ]


def of_probes(patterns, probes=PROBES):
    """`patterns` for each of `probes`."""
    return [
        pattern.format(probe=probe, spectrograms=spectrograms)
        for pattern in map(strip_wildcard_constraints, patterns)
        for probe in probes
        for spectrograms in (SPECTROGRAMS if "{spectrograms}" in pattern else [None])
    ]


def stored(wildcards):
    """Every file that is kept, the intermediate ones too: for `all`.

    Snakemake makes a missing intermediate file only if it is requested or something needs it.
    """
    return [*of_stages(wildcards), *rules.describe_run.output]


# What a description of the run leaves out: sounds, which may be those of others, and what is made again
# from them and from the weights; and what may name folders of this machine.
NOT_DESCRIBED = re.compile(
    r"audio/(archives\.tsv|yield\.tsv|(train|test)/.*)|(spectrograms(-[^/]+)?|responses|metadata)/.*|"
    r"acoustics/(train|test)/.*|corpus/(\w+/)?clips\.tsv|excerpts/.*|probes/.*/sounds\..*|report\.html"
)


def described_files(wildcards):
    """The files of the run that its description lists with their checksums."""
    folder = results()
    return [
        path
        for path in of_stages(wildcards)
        if not NOT_DESCRIBED.fullmatch(os.path.relpath(path, folder))
    ]


def of_stages(wildcards):
    """The files that are kept, but for the description of the run."""
    return [
        # No files describe an embedded corpus.
        *(rules.fetch_metadata.output if configured(config["corpus"]) else []),
        *rules.make_corpus.output,
        *rules.summarise_conditions.output,
        *(rules.index_archives.output if ARCHIVES else []),
        *of_all(rules.decode_audio.output),
        *rules.summarise_yield.output,
        *rules.measure_level.output,
        *rules.find_clipped.output,
        GATE,
        *rules.assign_blocks.output,
        *of_all(rules.compute_spectrograms.output),
        *of_all(rules.index_spectrograms.output),
        *of_all(rules.compute_acoustics.output),
        *of_all(rules.join_acoustics.output),
        *of_all(rules.train_network.output, conditions=TRAINED),
        *of_all(rules.fit_model.output, conditions=FIXED),
        *of_all(rules.import_responses.output, conditions=GIVEN),
        *of_all(rules.import_stimulus_responses.output, conditions=GIVEN),
        *of_all(rules.adopt_network.output, conditions=ADOPTED),
        *(
            path
            for split in SPLITS
            for path in of_networks(
                results("responses", network(ORIGINAL, f"{split}.h5"))
            )
        ),
        *of_all(rules.assign_roles.output, targets=FURTHER_TARGETS),
        *of_all(rules.selectivity_units.output, targets=TARGETS),
        *of_all(rules.selective_responses.output, targets=TARGETS),
        *of_all(rules.summarise_selectivity.output, targets=TARGETS),
        *of_all(rules.match_clips.output),
        *of_all(rules.score_recognition.output, conditions=WITH_OUTPUTS),
        *rules.summarise_recognition.output,
        *of_all(rules.compute_quilt_spectrograms.output, config["stimuli"]["splits"]),
        *(of_all(rules.compute_level_spectrograms.output, ["test"]) if WHOLE else []),
        *(
            path
            for stimulus, split in PLAYED_SPLITS
            for path in of_all(rules.index_spectrograms.output, [split], [stimulus])
        ),
        *(
            path
            for stimulus, split in PLAYED_SPLITS
            for path in of_networks(
                results("responses", network(stimulus, f"{split}.h5"))
            )
        ),
        *of_probes(rules.fetch_probe.output, DOWNLOADED_PROBES),
        *of_probes(rules.read_probe.output),
        *of_probes(rules.compute_probe_spectrograms.output),
        *(
            path
            for probe in PROBES
            for path in of_networks(
                results("responses", network(f"probe-{probe}", "test.h5"))
            )
        ),
        *(of_all(rules.level_responses.output) if LEVELS else []),
        *of_all(rules.quilt_responses.output, targets=TARGETS),
        *of_all(rules.compare_quilts.output),
        *of_all(rules.decode_target.output),
        *of_all(rules.embed_responses.output),
        *of_all(rules.compute_snapshot_responses.output, conditions=WITH_SNAPSHOTS),
        *of_all(rules.measure_emergence.output, conditions=WITH_SNAPSHOTS),
        *of_all(rules.genre_responses.output),
        *of_all(rules.measure_specificity.output, conditions=OF_CLASSES),
        *of_all(rules.summarise_specificity.output, conditions=OF_CLASSES),
        *of_profiles(*rules.profile_probe.output),
        *of_all(rules.lesion_units.output, conditions=WITH_OUTPUTS),
        *PREFERRED,
        *rules.assess_claims.output,
        *FIGURES,
        *rules.cut_excerpts.output,
        *rules.write_tables.output,
        *rules.write_report.output,
        *rules.explore_units.output,
    ]
