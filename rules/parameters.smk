# What rules depend on: files, narrow params, digests of code.


# The section `corpus`, with the local copy of every file that is a URL.
CORPUS = with_copies(config["corpus"], results("metadata"))
METADATA_COPIES = {
    name: results("metadata", copies_of(config["corpus"])[name].name)
    for name, place in configured(config["corpus"]).items()
    if is_url(place)
}


def metadata_on_disk(wildcards):
    """The files about the corpus that are configured as paths, by kind."""
    files = configured(config["corpus"])
    return {name: path for name, path in files.items() if not is_url(path)}


def corpus_files(wildcards):
    """The files that the configured corpus is read from, by kind."""
    return configured(CORPUS) | SOURCE.files(CORPUS)


def corpus_params(wildcards):
    """The keys of the section `corpus` that the tables depend on."""
    keys = ["source", "target", "genres", "withheld_clips", "shard_clips", "ontology"]
    return {key: CORPUS[key] for key in [*keys, CORPUS["source"]]}


# The list of the condition that the claims are about: recognition reports withheld classes separately.
WITHHELD = CONDITIONS[CLAIMED].get("withhold", [])


def metadata_params(wildcards):
    """The keys of the section `corpus` that say where its files are, without queries."""
    corpus = config["corpus"]
    source = corpus["source"]
    # The other keys of the source are no reason to download again.
    own = {key: corpus[source][key] for key in SOURCE.COPIES}
    keys = ["source", "ontology", "withheld_clips"]
    return written_urls({**{key: corpus[key] for key in keys}, source: own})


# The sources of AudioSet's clips that are asked before the network.
BEFORE_NETWORK = SOURCES[: SOURCES.index("youtube")] if "youtube" in SOURCES else []


def fetching_files(wildcards):
    """The inputs of fetching a shard: the local sources before the network are looked into."""
    files = {"clips": results("corpus/clips.tsv")}
    return files | (
        {"archives": ARCHIVES_INDEX} if "archives" in BEFORE_NETWORK else {}
    )


def fetching_settings(wildcards):
    """The keys of the section `audio` that say which clips the network is asked for."""
    audio = config["audio"]
    local = {
        name: audio[name] for name in ("folder", "archives") if name in BEFORE_NETWORK
    }
    return {"sources": BEFORE_NETWORK, **local}


def fetching_journal(wildcards):
    """The folder of what is fetched so far for a shard."""
    return results("audio/.fetching", wildcards.split, wildcards.shard)


def dropped_journal(wildcards, input):
    """The same where what it keeps is dropped once the shard is decoded."""
    is_dropped = IS_FETCHED and not config["audio"]["download"]["keep"]
    return fetching_journal(wildcards) if is_dropped else None


def audio_files(wildcards):
    """The inputs of a shard's clips that rules make."""
    files = {"clips": results("corpus/clips.tsv")}
    files |= {"fetched": FETCHED} if IS_FETCHED else {}
    return files | ({"archives": ARCHIVES_INDEX} if ARCHIVES else {})


# What local recordings are noted beside.
ARCHIVES_INDEX = results("audio/archives.tsv")
AUDIO_SHARDS = tuple(
    results("audio", split, f"{shard}.h5")
    for split in SPLITS
    for shard in SHARDS[split]
)


def state_of_recordings(wildcards):
    """What changes with the local recordings that a shard is made from."""
    shard = results("audio", wildcards.split, f"{wildcards.shard}.h5")
    # A job on a cluster looks only at its own.
    shards = AUDIO_SHARDS if workflow.is_main_process else (shard,)
    return states(shards)[shard]


def state_of_archives(wildcards):
    """What changes with the archives that the index is of."""
    return states((ARCHIVES_INDEX,))[ARCHIVES_INDEX]


def manifest_of_clips(wildcards, input):
    """Where the manifest is, which alone has the queries of addresses; clips.tsv follows from it."""
    corpus = config["corpus"]
    return corpus["manifest"] if corpus["source"] == "manifest" else None


def source_of_clips(wildcards, input):
    """The section `corpus` of the configuration, with the paths of local copies."""
    return CORPUS


def files_with_licences(wildcards):
    """The files that say on what terms recordings may be played: a manifest, or FSD50K's list."""
    corpus = config["corpus"]
    if corpus["source"] == "manifest":
        return {"terms": corpus["manifest"]["path"]}
    if corpus["source"] == "fsd50k":
        path = terms_file(corpus["fsd50k"]["folder"])
        return {"terms": path} if os.path.exists(path) else {}
    return {}


def audio_settings(wildcards):
    """The keys of the section `audio` on which the sound itself depends."""
    audio = config["audio"]
    used = {name: audio[name] for name in ("silence_db", "min_seconds", "ffmpeg")}
    if SOURCES:
        used["sources"] = SOURCES
        used |= {
            name: audio[name] for name in ("folder", "archives") if name in SOURCES
        }
    return used


def digest(*files):
    """The digest of the code of a script, and of what it imports by name; see docs/architecture.md."""
    return code_digest(*(SCRIPTS / file for file in files))


def seeds_of_job(wildcards):
    """The replicates of the condition of a job."""
    return seeds_of(wildcards.condition)


def model_of_job(wildcards):
    """The model of the condition of a job: its name, or the text that describes a module."""
    return written_model(wildcards.condition)


def written_model(condition):
    """The model of a condition, as jobs get it."""
    heard = INPUTS.get(folder_of(INPUT_OF[condition]), {})
    return model_text(
        condition,
        CONDITIONS[condition],
        waveform=heard.get("kind") == "waveform",
        sample_rate=heard.get("sample_rate"),
    )


def condition_of_job(wildcards):
    """What a trained condition says of its training, and its model."""
    of_training = ("withhold", "labels", "epochs", "keep", "snapshots")
    how = CONDITIONS[wildcards.condition]
    kept = {key: how[key] for key in of_training if key in how}
    return {"model": model_of_job(wildcards), **kept}


def weights_of_job(wildcards):
    """The file of weights that the network of a job takes, if it takes one."""
    given = weights_of(CONDITIONS[wildcards.condition])
    return given[int(wildcards.seed) - 1] if given else None


def files_of_adopted(wildcards):
    """The files of others that a network is made from, by kind, with their digests."""
    named = {
        "weights": weights_of_job(wildcards),
        "outputs": CONDITIONS[wildcards.condition].get("outputs"),
    }
    return {kind: sha256(path) for kind, path in named.items() if path}


def model_key(condition):
    """The key of the configuration that names the model of a condition."""
    return f"configuration: conditions.{condition}.model"


def model_code(wildcards):
    """The digest of that model's code, which no script imports: it is loaded by its name."""
    name = model_of_job(wildcards)
    return module_digest(model_file(name), model_folder(name), SCRIPTS)


def models_by_key(wildcards, input):
    """The names of all models, for a check; a function of the input, since it changes no result."""
    return {model_key(name): written_model(name) for name in CONDITIONS}


def reported_layer(wildcards, input):
    """The configured layer, for the same check."""
    return config["selectivity"]["layer"]


def given_files(heard):
    """The files of another tool with the responses of a network to `heard`, as an input function."""
    return lambda wildcards: [
        CONDITIONS[wildcards.condition]["files"].format(
            stimulus=stimulus.format(**dict(wildcards.items())),
            split=split,
            seed=wildcards.seed,
        )
        for stimulus, split in heard
    ]


def given_there(heard):
    """Those that exist, as an input function: the job says which are missing, and what to do."""
    return lambda wildcards: [
        file
        for file in dict.fromkeys(given_files(heard)(wildcards))
        if os.path.isfile(file)
    ]


def given_stamps(heard):
    """Their sizes and times: a file that replaces another may be older than what was made of it."""
    return lambda wildcards: list(stamps(given_there(heard)(wildcards)).values())


def given_needed(wildcards, input):
    """All files of a network, each with the folder of the spectrograms that it is of."""
    heard = folder_of(INPUT_OF[wildcards.condition])
    folders = [results(heard, stimulus, split) for stimulus, split in HEARD]
    return dict(zip(given_files(HEARD)(wildcards), folders))


# The layer without whose analyses a layer's responses are not stored; None where all layers are.
STORED_FOR = (
    config["selectivity"]["layer"]
    if config["responses"]["stored"] == "reported"
    else None
)


# What figures call the layer whose units they show.
LAYER_SHOWN = (
    config["selectivity"]["layer"]
    if all(
        not is_module(condition)
        and has_layer(condition["model"], config["selectivity"]["layer"])
        for condition in CONDITIONS.values()
    )
    else "the reported layer"
)


def digest_of_texts(*patterns):
    """The digest of the captions and templates whose names are of `patterns`."""
    digest = hashlib.sha256()
    texts = SCRIPTS.parent / "report"
    for path in sorted(path for pattern in patterns for path in texts.glob(pattern)):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def files_of(stimuli):
    """The files of stimuli, which their job finds by the names, not by imports."""
    return sorted({f"music_detectors/stimuli/{find(name).kind}.py" for name in stimuli})


def input_settings(wildcards):
    """The settings of the input that a job makes; none for the study's."""
    return INPUTS.get(wildcards.spectrograms)


def file_of_input(wildcards):
    """The file of the kind of input, which its job finds by the name; none for the study's."""
    settings = input_settings(wildcards)
    return [f"music_detectors/inputs/{settings['kind']}.py"] if settings else []


def level_of_corpus(stimuli):
    """The mean level of the corpus, if one of the stimuli needs it."""
    if any(find(name).stimulus.read_level for name in stimuli):
        return {"level": results("audio/level.tsv")}
    return {}


def probe_params(wildcards):
    """The settings of a probe set that its sounds and tables depend on."""
    return written_urls(probe_with_query(wildcards, None))


def probe_with_query(wildcards, input):
    """The same with the whole address of its zip; a function of the input, so that it is not kept."""
    settings = PROBES[wildcards.probe]._asdict()
    # For a check alone (see probe_targets), and for the report.
    for key in ("target", "licence", "attribution"):
        del settings[key]
    return settings


def probe_targets(wildcards, input):
    """Its categories of targets, for a check; a function of the input, since it changes no result."""
    return PROBES[wildcards.probe].target


def probe_zip(wildcards):
    """The zip of a probe set: the configured one, its download, or none."""
    if wildcards.probe in DOWNLOADED_PROBES:
        return results("probes", wildcards.probe, "sounds.zip")
    return PROBES[wildcards.probe].zip


def probe_files(wildcards):
    """The files that a probe set is read from."""
    downloaded = [probe_zip(wildcards)] if wildcards.probe in DOWNLOADED_PROBES else []
    return downloaded + files_here(PROBES[wildcards.probe])


def probe_seed(wildcards):
    """The master seed, for a probe set whose sounds the workflow makes."""
    return config["seed"] if PROBES[wildcards.probe].is_made else None


def probe_ffmpeg(wildcards):
    """The configured ffmpeg, for a probe set that is decoded."""
    return None if PROBES[wildcards.probe].is_made else config["audio"]["ffmpeg"]


def probe_code(probe):
    """The file of a built-in probe set, which is imported by its name."""
    file = Path("music_detectors/probes/sets", f"{probe}.py")
    return [file] if (SCRIPTS / file).exists() else []


# The conditions whose networks cannot be asked whether they learnt, with the reason.
UNTAUGHT = {
    name: "labels mean nothing" if CONDITIONS[name]["epochs"] else "not trained"
    for name in TRAINED
    if not CONDITIONS[name]["epochs"] or CONDITIONS[name]["labels"] != "given"
}


def digest_of_plan():
    """The digest of the plan's file: only the report depends on it."""
    path = Path(results("plan/plan.json"))
    return (
        hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else None
    )


def digests_of_corpora(wildcards):
    """The digest of each file of claims that the page over corpora reads."""
    named = config["corpora"] or [path.name for path in Path("results").glob("*")]
    files = {
        Path(folder, "claims", name)
        for one in named
        for folder in (Path("results", one), Path(one))
        for name in ("claims.tsv", "settings.json")
    }
    return {
        path.as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(files)
        if path.is_file()
    }
