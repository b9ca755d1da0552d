# Memory, run time and GPUs that jobs ask for.


# Sizes of one clip, for memory and run time: samples at 22,050 Hz, log-Mel frames at hop 275.
CLIP_SAMPLES = round(config["corpus"]["clip_seconds"] * 22050)
CLIP_FRAMES = 1 + (CLIP_SAMPLES - 1) // 275


# Snakemake's own share of a job's memory on a cluster, where each job runs two Snakemake processes and
# the script: some 150 MB each.
SNAKEMAKE_MB = 400
# The memory of torch before it computes anything; with a GPU, its libraries are included.
TORCH_MB = 700


def memory(amount):
    """`mem_mb` of a rule whose script takes `amount` (a number, or a function of the wildcards).

    A retry asks for as much again.
    """

    def asked_for(wildcards, attempt):
        needed = amount(wildcards) if callable(amount) else amount
        return attempt * (needed + SNAKEMAKE_MB)

    return asked_for


def minutes(amount):
    """`runtime` of a rule, `amount` as in `memory`; a retry asks for as much again."""

    def asked_for(wildcards, attempt):
        return attempt * (amount(wildcards) if callable(amount) else amount)

    return asked_for


@cache
def size_of_input(folder):
    """How many bands and frames the spectrogram of a clip has, by the folder of its input."""
    if folder not in INPUTS:
        return 64, CLIP_FRAMES
    front = front_end(INPUTS[folder])
    return front.bands, front.frames_of(CLIP_SAMPLES)


def input_of_job(wildcards):
    """The folder of the input that a job makes, or that its condition hears."""
    named = dict(wildcards.items())
    return named.get("spectrograms") or folder_of(INPUT_OF[named["condition"]])


def spectrograms_mb(clips, wildcards):
    """The size of the spectrograms of `clips` clips, float16."""
    bands, frames = size_of_input(input_of_job(wildcards))
    return clips * bands * frames * 2 // 10**6


def audio_shard_mb(wildcards):
    """Memory for one shard of samples: int16 on disk, and floats on the way."""
    return 600 + config["corpus"]["shard_clips"] * CLIP_SAMPLES * 12 // 10**6


def spectrogram_shard_mb(wildcards):
    """Memory for one shard of samples and its spectrograms, of one stimulus and of the one before."""
    spectrograms = spectrograms_mb(config["corpus"]["shard_clips"], wildcards)
    return 200 + audio_shard_mb(wildcards) + 2 * spectrograms


def spectrogram_mb(split, wildcards):
    """Memory for the spectrograms of a split in a job that needs them many times."""
    resident = spectrograms_mb(N_CLIPS[split], wildcards)
    return min(resident, config["networks"]["memory_mb"])


def table_mb(wildcards):
    """Memory for jobs that hold the whole clip table, with covariates: 2 kB per clip."""
    return 900 + sum(N_CLIPS.values()) * 2 // 1000


def breadth(wildcards):
    """How many times as many units as kim2024's 256 the layers of a job's network may have."""
    name = wildcards.get("condition")
    others = name is not None and (is_module(CONDITIONS[name]) or name in GIVEN)
    return 8 if others else 1


def responses_mb(wildcards):
    """Memory for jobs that hold all responses in all layers: 5 kB per clip."""
    return 1200 + sum(N_CLIPS.values()) * 5 * breadth(wildcards) // 1000


# The clips that analyses fit models to: of many, some.
FITTED = {split: min(n, MOST_FITTED) for split, n in N_CLIPS.items()}


def selectivity_mb(wildcards):
    """Memory for a layer: 5 kB per clip, and for permutations 4 kB per clip that takes part."""
    kilobytes = 5 * sum(N_CLIPS.values()) + 4 * FITTED["train"]
    return 1200 + kilobytes * breadth(wildcards) // 1000


def recognition_mb(wildcards):
    """Memory for outputs, their order and labels: 6 kB per clip."""
    return 1200 + sum(N_CLIPS.values()) * 6 // 1000


def decoding_mb(wildcards):
    """Memory for a linear model of a layer and other features together: 16 kB per clip used.

    Before, a split's responses are read: 3 kB per clip.
    """
    used = FITTED["train"] + N_CLIPS["test"]
    kilobytes = 3 * sum(N_CLIPS.values()) + 16 * used
    return 1200 + kilobytes * breadth(wildcards) // 1000


def clip_responses_mb(wildcards):
    """Memory for a figure of a few numbers of every network for every clip: 60 bytes of each."""
    return table_mb(wildcards) + sum(N_CLIPS.values()) * len(NETWORKS) * 60 // 10**6


def explorer_mb(wildcards):
    """Memory for the page of all units: one layer's responses, a network's answers, the clips."""
    answers = len(NETWORKS) * 4
    return responses_mb(wildcards) + audio_shard_mb(wildcards) + answers


def summary_mb(wildcards):
    """Memory for a job that holds a few numbers of every network for every test clip."""
    return table_mb(wildcards) + N_CLIPS["test"] * len(NETWORKS) // 10**4


def specificity_mb(wildcards):
    """Memory for a job that knows the side of each clip in some 1,200 sets and folds of classes.

    With its responses in float64 they take 14 kB per clip used; before, 3 kB per clip are read.
    """
    clips, used = sum(N_CLIPS.values()), sum(FITTED.values())
    kilobytes = (3 * clips + 8 * used) * breadth(wildcards) + 6 * used
    return 1200 + kilobytes // 1000


def network_mb(wildcards):
    """Memory for a network that clips are played to, without the clips themselves."""
    how = CONDITIONS[wildcards.condition]
    # Weights of others are in memory as they are read, and in the network.
    largest = max(map(os.path.getsize, weights_of(how)), default=0)
    of_others = 1500 + 3 * largest // 10**6 if is_module(how) else 0
    # A GPU's libraries use host memory too.
    return 2 * TORCH_MB + of_others + (3000 if has_gpu() else 0)


def fitting_mb(wildcards):
    """Memory for a job in which a fixed model goes through the train clips."""
    return network_mb(wildcards) + spectrogram_mb("train", wildcards)


def training_mb(wildcards):
    """Memory for a training job."""
    return network_mb(wildcards) + spectrogram_mb("train", wildcards)


def playing_mb(wildcards):
    """Memory for a job that computes responses: also a shard, and the part of it that is cut."""
    shard = spectrograms_mb(config["corpus"]["shard_clips"], wildcards)
    return network_mb(wildcards) + responses_mb(wildcards) + 2 * shard


def fetching_minutes(wildcards):
    """An upper bound: a video takes one or two minutes."""
    seconds = 120 if "youtube" in SOURCES else 15
    return 120 + config["corpus"]["shard_clips"] * seconds // 60


def audio_minutes(wildcards):
    """An upper bound: decoding takes a second at most."""
    return 120 + config["corpus"]["shard_clips"] * 5 // 60


def shard_minutes(wildcards):
    """An upper bound for computations from the sound of a shard: a tenth of a second per clip."""
    return 30 + int(3 * config["corpus"]["shard_clips"] * 0.1 / 60)


def stimuli_minutes(stimuli):
    """The same for spectrograms of `stimuli`; of inputs other than the study's, five times as long."""
    return lambda wildcards: (
        len(stimuli)
        * shard_minutes(wildcards)
        * (5 if wildcards.spectrograms in INPUTS else 1)
    )


def corpus_minutes(wildcards):
    """An upper bound for sums over every clip: a minute for 10,000."""
    return 60 + sum(N_CLIPS.values()) // 10000


def explorer_minutes(wildcards):
    """An upper bound for the page of all units: a minute for each network and 10,000 test clips."""
    return 30 + len(NETWORKS) * (1 + N_CLIPS["test"] // 10000)


def embedding_minutes(wildcards):
    """An upper bound for t-SNE of a network: 8 ms per clip."""
    return 30 + int(3 * N_CLIPS["test"] * 0.008 / 60)


def emergence_minutes(wildcards):
    """An upper bound for t-SNE of a network after each of its snapshots."""
    return len(CONDITIONS[wildcards.condition]["snapshots"]) * embedding_minutes(
        wildcards
    )


# The GPU partition of a cluster's profile; None on a workstation.
GPU_PARTITION = (workflow.resource_settings.default_resources or {}).get(
    "gpu_partition"
)


def has_gpu():
    """Whether networks get a GPU. On a cluster the profile says so: the head node may have none."""
    device = config["networks"]["device"]
    if GPU_PARTITION is not None:
        return device != "cpu" and GPU_PARTITION.raw != "none"
    return device == "cuda" or (
        device == "auto" and shutil.which("nvidia-smi") is not None
    )


def on_gpu():
    """The resources that put a job on a GPU, if there is one."""
    if not has_gpu():
        return {"gpu": 0}
    # An empty name leaves the choice to the cluster.
    partition = GPU_PARTITION.raw if GPU_PARTITION is not None else ""
    return {"gpu": 1, **({"slurm_partition": partition} if partition else {})}


# `--resources` on the command line replaces the profile's list, and with it the cap on jobs that use a
# GPU of this machine at a time. On a cluster there is none.
if has_gpu() and GPU_PARTITION is None and workflow.is_main_process:
    if "gpu" not in workflow.global_resources:
        workflow.register_resource("gpu", 1)


# How many networks train at a time in a job on a GPU; with more than one, a job is for all seeds of a
# condition. `auto` is as many as have made each other faster, and the job makes fewer of it where the
# GPU's memory is small.
PER_GPU = config["networks"]["per_gpu"]
TOGETHER = (
    min(config["networks"]["seeds"], 10 if PER_GPU == "auto" else PER_GPU)
    if has_gpu()
    else 1
)
# The wildcard of jobs that are for a network each.
SEED_OF_JOB = ["{seed}"] if TOGETHER == 1 else []
# How many networks a job is for, and the conditions that have as many.
NETWORKS_OF_JOB = 1 if SEED_OF_JOB else config["networks"]["seeds"]
OF_JOB = [*TRAINED, *ADOPTED, *FIXED] if SEED_OF_JOB else TRAINED


def of_job(*parts, kept=False):
    """The file of each network of a job, in the folder of its condition and seed.

    The folder is below the first of `parts`. `kept` files are there when a job begins, which otherwise
    removes its outputs.
    """
    folder, *rest = parts
    seeds = range(1, 1 + config["networks"]["seeds"])
    paths = [
        results(folder, "{condition}", f"seed-{seed}", *rest)
        for seed in (SEED_OF_JOB or seeds)
    ]
    return update(paths) if kept else paths


def replicates_of_job(wildcards, input):
    """The numbers of the networks of a job."""
    if SEED_OF_JOB:
        return [int(wildcards.seed)]
    return seeds_of(wildcards.condition)


def playing_minutes(clips, wildcards):
    """An upper bound for the responses to `clips` clips: 20 ms per 802 frames on one core.

    A frame of more than 64 bands counts as several. One of a waveform is a sample, and counts as one: networks
    that hear waveforms are mostly large. Other networks of users may take 20 times as long as the study's.
    """
    return 15 + int(3 * playing_seconds(clips, wildcards) / 60)


def playing_seconds(clips, wildcards):
    """About how long it takes."""
    bands, frames = size_of_input(input_of_job(wildcards))
    counted = frames * max(1, bands / 64)
    if is_module(CONDITIONS[wildcards.condition]) and bands > 1:
        counted *= 20
    return clips * counted / 802 * (0.001 if has_gpu() else 0.02)


def playing_all(clips):
    """The same for the networks of a job, as a function of the wildcards."""
    return lambda wildcards: playing_minutes(NETWORKS_OF_JOB * clips, wildcards)


def importing_mb(wildcards):
    """Memory for a layer of responses of another tool, which takes at most twice its file's size."""
    sizes = [os.path.getsize(file) for file in given_there(HEARD)(wildcards)]
    return 600 + 2 * max(sizes, default=0) // 10**6


def probe_mb(wildcards):
    """Memory for the sounds of a probe set, int16 and floats."""
    return 1500 + CLIP_SAMPLES * 1000 * 12 // 10**6


def probe_spectrograms_mb(wildcards):
    """The same with their spectrograms."""
    return probe_mb(wildcards) + spectrograms_mb(1000, wildcards)


def probe_minutes(wildcards):
    """An upper bound for the responses of all networks of a condition to a probe set."""
    return playing_minutes(len(seeds_of(wildcards.condition)) * 1000, wildcards)


def snapshot_minutes(wildcards):
    """An upper bound for the responses of a network after each of its snapshots to all clips."""
    snapshots = CONDITIONS[wildcards.condition]["snapshots"]
    return playing_minutes(len(snapshots) * sum(N_CLIPS.values()), wildcards)


def training_minutes(wildcards):
    """An upper bound: 26 ms per clip of 64 bands and 802 frames on one core, 0.1 ms on a GPU."""
    return 15 + int(3 * training_seconds(wildcards) / 60)


def training_seconds(wildcards):
    """About how long it takes."""
    bands, frames = size_of_input(input_of_job(wildcards))
    clips = (
        NETWORKS_OF_JOB * N_CLIPS["train"] * CONDITIONS[wildcards.condition]["epochs"]
    )
    # Measured in turn on one core, a step of the residual network takes 3.1 times as long.
    slower = 3.1 if CONDITIONS[wildcards.condition]["model"] == "resnet" else 1
    seconds = 0.001 if has_gpu() else 0.026
    return slower * clips * bands * frames / (64 * 802) * seconds


def preferred_mb(wildcards):
    """Memory for gradients to eight clips through a network, and for 512 clips: 6 MB per second."""
    seconds = CLIP_FRAMES / 80
    return network_mb(wildcards) + int(seconds * 150) + 500


def preferred_minutes(wildcards):
    """An upper bound for 200 steps of eight clips, each as long as a step of training on a CPU."""
    slower = 20 if is_module(CONDITIONS[wildcards.condition]) else 1
    return 15 + int(3 * 200 * 8 * CLIP_FRAMES / 802 * 0.05 * slower / 60)


def lesion_mb(wildcards):
    """Memory for a job of lesions; if networks are run again, it also holds the test clips."""
    if wildcards.condition not in RUN_AGAIN:
        return responses_mb(wildcards)
    return playing_mb(wildcards) + spectrogram_mb("test", wildcards)


def lesion_minutes(wildcards):
    """An upper bound for all fractions: 0.02 ms per clip and lesion, for 527 classes on a core.

    A network that is run again takes as long for each lesion as for its responses.
    """
    settings = config["lesions"]
    draws = settings["random_draws"]
    others = len(settings["fractions"]) - 1
    # Of other fractions than the claims' there are fewer (lesions/orders.py).
    lesions = draws + 70 + others * (max(20, draws // 4) + 25)
    if wildcards.condition in RUN_AGAIN:
        return playing_minutes((lesions + 1) * N_CLIPS["test"], wildcards)
    return 15 + int(lesions * N_CLIPS["test"] * 0.00002 / 60)


# Of two runs on two busy cores, 289 jobs of the embedded corpus and 447 of real recordings: seconds before a
# job computes, for its imports, and the share of the bounds above that training and playing took.
START_SECONDS = 1.2
FIGURE_SECONDS = 5
TORCH_START_SECONDS = 4
SHARE_OF_TRAINING = 0.7
SHARE_OF_PLAYING = 0.3
# Sounds of a probe set: those of natsound165.
PROBE_SOUNDS = 165
# What a network stores of a clip (floats of all units but the outputs) and of itself, for kim2024.
UNITS_STORED = 736
WEIGHTS_BYTES = 5e6
# What computes from the responses of a network, or from the sound of a shard: milliseconds for each clip in the
# same runs.
CLIP_MS = {
    "selectivity_units": 2 * config["selectivity"]["permutations"] / 1000,
    "decode_target": 4,
    "score_recognition": 1.8,
    "measure_specificity": 5,
    "embed_responses": 2,
    "measure_emergence": 7.5,
    "lesion_units": 3,
}
SHARD_MS = {
    "decode_audio": 35,
    "fetch_audio": 12000 if "youtube" in SOURCES else 500,
    "compute_spectrograms": 4,
    "compute_level_spectrograms": 4 * len(WHOLE),
    "compute_quilt_spectrograms": 6 * len(CUT),
    "compute_acoustics": 6,
}


def seconds_of(job):
    """About how many seconds `job` takes, where no job of its rule was measured."""
    name, wildcards = job.rule.name, job.wildcards
    if name == "train_network":
        return TORCH_START_SECONDS + SHARE_OF_TRAINING * training_seconds(wildcards)
    if name in RULES_THAT_PLAY:
        seconds = playing_seconds(clips_played(name, wildcards), wildcards)
        return TORCH_START_SECONDS + SHARE_OF_PLAYING * seconds
    if name == "find_preferred":
        return TORCH_START_SECONDS + 200 * 8 * CLIP_FRAMES / 802 * 0.03
    if name in SHARD_MS:
        clips = min(config["corpus"]["shard_clips"], N_CLIPS[wildcards.split])
        lengths = config["corpus"]["clip_seconds"] / 3.5
        return START_SECONDS + clips * lengths * SHARD_MS[name] / 1000
    start = FIGURE_SECONDS if name.startswith("plot_") else START_SECONDS
    return start + sum(N_CLIPS.values()) * CLIP_MS.get(name, 0.5) / 1000


RULES_THAT_PLAY = {
    "compute_responses",
    "compute_responses_of_fixed",
    "compute_stimulus_responses",
    "compute_stimulus_responses_of_fixed",
    "compute_probe_responses",
    "compute_probe_responses_of_fixed",
    "compute_snapshot_responses",
}


def clips_played(name, wildcards):
    """How many clips a job plays to networks, by its rule."""
    networks = NETWORKS_OF_JOB if wildcards.condition in OF_JOB else 1
    if "stimulus" in name:
        return networks * sum(N_CLIPS[split] for _, split in PLAYED_SPLITS)
    if "probe" in name:
        return len(seeds_of(wildcards.condition)) * PROBE_SOUNDS
    if "snapshot" in name:
        return len(CONDITIONS[wildcards.condition]["snapshots"]) * sum(N_CLIPS.values())
    return networks * sum(N_CLIPS.values())


def bytes_of(job):
    """About how many bytes `job` leaves on the disk."""
    name, wildcards = job.rule.name, job.wildcards
    if name in RULES_THAT_PLAY:
        return clips_played(name, wildcards) * UNITS_STORED * 4
    if name == "train_network":
        snapshots = len(CONDITIONS[wildcards.condition].get("snapshots") or [])
        return NETWORKS_OF_JOB * WEIGHTS_BYTES * (1 + snapshots)
    if name in SHARD_MS:
        clips = min(config["corpus"]["shard_clips"], N_CLIPS[wildcards.split])
        if name == "decode_audio":
            return clips * CLIP_SAMPLES * 2
        if name == "fetch_audio":
            # Compressed, but mostly longer than the clip.
            return clips * CLIP_SAMPLES * 4
        stimuli = {
            "compute_level_spectrograms": WHOLE,
            "compute_quilt_spectrograms": CUT,
        }
        if "spectrograms" in name:
            return (
                spectrograms_mb(clips * len(stimuli.get(name, "1")), wildcards) * 10**6
            )
    return 3e5
