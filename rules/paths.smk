# Paths of results, logs and benchmarks, one by one and in lists.


def results(*parts):
    """The path of a result of this corpus."""
    return Path("results", config["corpus"]["name"], *parts).as_posix()


# Written when enough clips are usable. Every named target requests it.
GATE = results("audio/gate.tsv")


# What the network answered for a shard.
FETCHED = results("audio/{split}/{shard}.fetched.tar")


def log_of(rule, *wildcards):
    return results("logs", rule, ("-".join(wildcards) or "job") + ".log")


def benchmark_of(rule, *wildcards):
    return results("benchmarks", rule, ("-".join(wildcards) or "job") + ".tsv")


def network(*parts):
    """The last parts of the path of a file of one network."""
    return Path("{condition}", "seed-{seed}", *parts).as_posix()


def of_networks(pattern, networks=None, targets=(TARGET,)):
    """`pattern` for each target and network, in the order of the configuration.

    Without `networks`, they are those that are analysed for the target.
    """
    return [
        pattern.format(target=target, condition=condition, seed=seed)
        for target in targets
        for condition, seed in (
            networks_of(conditions_of(target)) if networks is None else networks
        )
    ]


def of_networks_of_target(pattern):
    """`pattern` for each network that is analysed for the target of a job, as an input function."""
    return lambda wildcards: of_networks(pattern, targets=[wildcards.target])


def of_seeds(*patterns):
    """Each of `patterns` for each replicate of the condition of a job, as an input function."""

    def paths(wildcards):
        return [
            pattern.format(seed=seed, **dict(wildcards.items()))
            for pattern in patterns
            for seed in seeds_of(wildcards.condition)
        ]

    return paths


def of_conditions(pattern, conditions=None, targets=(TARGET,)):
    """`pattern` for each target and condition, in the order of the configuration.

    Without `conditions`, they are those that are analysed for the target.
    """
    return [
        pattern.format(target=target, condition=condition)
        for target in targets
        for condition in (conditions_of(target) if conditions is None else conditions)
    ]


def for_target(name):
    """The table `name` of the corpus with the roles for the target, as an input function."""

    def path(wildcards):
        folders = [] if wildcards.target == TARGET else [wildcards.target]
        return results("corpus", *folders, name)

    return path


def of_shards(pattern, splits=SPLITS):
    """`pattern` for each shard of `splits`, as an input function.

    There may be thousands, and every job on a cluster reads the workflow again, most without need
    of the list.
    """

    def paths(wildcards):
        return [
            pattern.format(split=split, shard=shard)
            for split in splits
            for shard in SHARDS[split]
        ]

    return paths


def spectrograms_of(stimuli, ending):
    """The spectrograms of a shard, or the tables beside them, stimulus by stimulus."""
    return [
        results("{spectrograms}", stimulus, "{split}", f"{{shard}}.{ending}")
        for stimulus in stimuli
    ]


# The indices of what is played to every network, below the spectrograms of an input.
INDICES_OF_PLAYED = [
    f"{stimulus}/{split}/index.tsv" for stimulus, split in PLAYED_SPLITS
]


def of_input(path):
    """`path` below the spectrograms of the input of a condition, as an input function."""
    return lambda wildcards: of_inputs([path])(wildcards)[0]


def of_inputs(paths):
    """The same for several paths: a list, also if there is only one."""

    def of_condition(wildcards):
        folder = folder_of(INPUT_OF[wildcards.condition])
        return [
            results(folder, path).format(**dict(wildcards.items())) for path in paths
        ]

    return of_condition


# The fraction that claims and bars show: the smaller one if two are equally near.
CLAIMED_FRACTION = min(
    sorted(config["lesions"]["fractions"]),
    key=lambda share: abs(share - config["selectivity"]["fraction"]),
)


def of_lesions(name, conditions):
    """The tables `name` of lesions, network by network."""
    return of_networks(
        results("lesions/{target}", network(name)), networks_of(conditions)
    )


def of_emergence(name, conditions):
    """The tables `name` over training, network by network."""
    return of_networks(
        results("emergence/{target}", network(name)), networks_of(conditions)
    )


def features_joined(wildcards):
    """The conditions of fixed models whose features join the units of the condition of a job."""
    return FIXED if wildcards.condition in WITH_OUTPUTS else []


def responses_of_fixed(split):
    """The responses of those models to the clips of a split, as an input function."""

    def paths(wildcards):
        return [
            results("responses", condition, "seed-1", "original", f"{split}.h5")
            for condition in features_joined(wildcards)
        ]

    return paths


def of_profiles(*patterns):
    """`patterns` for each target, probe set that has sounds of it, and condition."""
    return [
        pattern.format(target=target, probe=probe, condition=condition)
        for pattern in map(strip_wildcard_constraints, patterns)
        for target, probe in PROFILED
        for condition in conditions_of(target)
    ]


def profiles_of(name, probes):
    """The tables `name` of profiles for the first target, probe set by probe set."""
    return [
        results("profiles", TARGET, probe, condition, name)
        for probe in probes
        for condition in CONDITIONS
    ]


def compared(*keys):
    """The condition of the claims, and those that `claims.compared` names under `keys` and that are run."""
    named = [name for key in keys for name in config["claims"]["compared"][key]]
    return list(
        dict.fromkeys([CLAIMED, *(name for name in named if name in CONDITIONS)])
    )


def of_compared_probe(name, conditions):
    """The tables `name` of the profiles over the probe set of the claims, if there is one."""
    return [
        results("profiles", TARGET, probe, condition, name)
        for probe in COMPARED_PROBE
        for condition in conditions
    ]
