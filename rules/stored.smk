# Every file that is kept, for the target `all`.


def of_all(patterns, splits=SPLITS, stimuli=(ORIGINAL,)):
    """`patterns` for each value of their wildcards, `{shard}` for those of each of `splits`."""
    choices = {
        "stimulus": stimuli,
        "target": [TARGET],
        "condition": CONDITIONS,
        "seed": SEEDS,
        "fraction": FRACTIONS,
    }
    for pattern in map(strip_wildcard_constraints, patterns):
        names = get_wildcard_names(pattern)
        chosen = [name for name in choices if name in names]
        of_splits = splits if names & {"split", "shard"} else splits[:1]
        for split in of_splits:
            for shard in SHARDS[split] if "shard" in names else [None]:
                for values in product(*(choices[name] for name in chosen)):
                    of_one = dict(zip(chosen, values))
                    yield pattern.format(split=split, shard=shard, **of_one)


def stored(wildcards):
    """Every file that is kept, the intermediate ones too: for `all`.

    Of one that is gone, Snakemake sees only that nothing has to be made from it, unless it is asked
    for.
    """
    return [
        # An embedded corpus is described by no file.
        *(rules.fetch_metadata.output if configured(config["corpus"]) else []),
        *rules.make_corpus.output,
        *rules.summarise_conditions.output,
        *(rules.index_archives.output if ARCHIVES else []),
        *of_all(rules.fetch_audio.output),
        *rules.summarise_yield.output,
        GATE,
        *of_all(rules.compute_spectrograms.output),
        *of_all(rules.index_spectrograms.output),
        *of_all(rules.compute_acoustics.output),
        *of_all(rules.train_network.output),
        *of_all(rules.compute_responses.output),
        *of_all(rules.selectivity_units.output),
        *of_all(rules.selective_responses.output),
        *of_all(rules.summarise_selectivity.output),
        *of_all(rules.score_recognition.output),
        *rules.summarise_recognition.output,
        *of_all(rules.compute_spectrograms.output, ["test"], PLAYED),
        *of_all(rules.index_spectrograms.output, ["test"], PLAYED),
        *of_all(rules.compute_stimulus_responses.output, ["test"], PLAYED),
        *of_all(rules.quilt_responses.output),
        *of_all(rules.decode_target.output),
        *of_all(rules.embed_responses.output),
        *of_all(rules.genre_responses.output),
        *of_all(rules.lesion_units.output),
        *rules.assess_claims.output,
        *FIGURES,
        *rules.write_report.output,
    ]
