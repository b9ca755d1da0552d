# The configuration, checked before the DAG is built, and what follows from it: conditions, seeds, shards.

import hashlib
import os
import re
import shutil
import sys
import tempfile
from functools import cache
from itertools import product
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import get_wildcard_names, strip_wildcard_constraints

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from music_detectors.audio.archive_paths import archive_paths
from music_detectors.audio.recordings import stamps, states
from music_detectors.common import orphans, runs
from music_detectors.common.errors import (
    InputError,
    MAX_MESSAGE,
    Mistakes,
    one_line,
    say,
)
from music_detectors.common.files import sha256
from music_detectors.common.kernels import old_core_type
from music_detectors.configuration.check import (
    check_sense,
    check_shape,
    kept_conditions,
    weights_of,
)
from music_detectors.configuration.code import code_digest, module_digest
from music_detectors.configuration.plain import check_files, shown
from music_detectors.corpus.targets import target_name, targets_of
from music_detectors.common.urls import is_url, written_url, written_urls
from music_detectors.corpus.locations import configured, copies_of, with_copies
from music_detectors.corpus.sizes import check_corpus, clip_counts, shard_names
from music_detectors.corpus.sources import source_named
from music_detectors.corpus.sources.fsd50k import terms_file
from music_detectors.inputs.making.find import front_end
from music_detectors.inputs.making.names import (
    LOG_MEL,
    check_inputs,
    folder_of,
    kept_inputs,
    shape_of,
)
from music_detectors.levels.names import level_name, levels_of
from music_detectors.probes.settings import check_here, files_here, probe_sets
from music_detectors.quilts.columns import INTACT
from music_detectors.quilts.names import check_compared, segment_ms_of
from music_detectors.responses.sample import MOST_FITTED
from music_detectors.stimuli.making.names import ORIGINAL, check_played, find
from music_detectors.models.sizes import check_sizes
from music_detectors.models.find import (
    check_conditions,
    has_layer,
    has_readout,
    is_given,
    model_file,
    model_folder,
    model_text,
    with_models,
)
from music_detectors.models.modules.settings import is_adopted, is_module, is_trained

orphans.begin()

_named = os.environ.get("TMPDIR")
# Jobs get the folder that Python chooses here.
if workflow.is_main_process and _named:
    if tempfile.gettempdir() != os.path.abspath(_named):
        say(
            f"warning: nothing can be written to TMPDIR ({_named}): it is full or not there; "
            f"temporary files go to {tempfile.gettempdir()}"
        )

try:
    if runs.asks_to_unlock(sys.argv):
        runs.check_unlock()
    check_files(workflow.configfiles)
    check_shape(config, Path(workflow.basedir) / "schemas" / "config.schema.yaml")
    check_sense(config)
    SOURCE = source_named(config["corpus"]["source"])
    SOURCE_FILE = f"music_detectors/corpus/sources/{config['corpus']['source']}.py"
    # The sources of AudioSet's clips; in other corpora, the clips say where their sound is.
    SOURCES = config["audio"]["sources"] if SOURCE.SOUND == "audioset" else []
    _mistakes = Mistakes()
    with _mistakes.noted():
        CONDITIONS = with_models(kept_conditions(config))
        with _mistakes.noted():
            check_conditions(CONDITIONS, config["selectivity"]["layer"])
        # The input of each condition. One that names the default is the same as one that names none.
        INPUT_OF = {name: how.pop("input", LOG_MEL) for name, how in CONDITIONS.items()}
        with _mistakes.noted():
            check_inputs(config)
            check_sizes(
                {name: how["model"] for name, how in CONDITIONS.items()},
                {
                    name: shape_of(config, heard)
                    for name, heard in INPUT_OF.items()
                    if heard != LOG_MEL
                },
                INPUT_OF,
            )
        # The condition that the claims are about, and those that withhold another branch.
        CLAIMED = config["claims"]["condition"]
        WITHHELD_OTHERS = [
            name
            for name in config["claims"]["compared"]["withheld_others"]
            if name in CONDITIONS
        ]
        check_corpus(
            config["corpus"],
            {
                name: how["withhold"]
                for name, how in CONDITIONS.items()
                if is_trained(how)
            },
            config["targets"],
            condition=CLAIMED,
            withheld_others=WITHHELD_OTHERS,
        )
    with _mistakes.noted():
        check_played(config["stimuli"], config["corpus"]["clip_seconds"])
        check_compared(config["stimuli"]["played"])
        levels_of(config["stimuli"]["played"])
    with _mistakes.noted():
        TARGETS = targets_of(config)
        PROBES = probe_sets(config["probes"], TARGETS)
        for _probe in PROBES.values():
            with _mistakes.noted():
                check_here(_probe)
    with _mistakes.noted():
        ARCHIVES = (
            archive_paths(config["audio"]["archives"]) if "archives" in SOURCES else []
        )
    with _mistakes.noted():
        N_CLIPS = clip_counts(config["corpus"], config["seed"])
        # Whether the network has clips of this corpus.
        IS_FETCHED = "youtube" in SOURCES or SOURCE.has_addresses(config["corpus"])
    _mistakes.report()
except InputError as error:
    raise WorkflowError(one_line(error, MAX_MESSAGE)) from None

# The settings of the inputs that are made besides the study's, by the folder of their spectrograms.
INPUTS = {
    folder_of(name): settings
    for name, settings in kept_inputs(config).items()
    if name in INPUT_OF.values()
}
SPECTROGRAMS = [folder_of(LOG_MEL), *INPUTS]

# What pages and records may show of the configuration.
SHOWN = shown(config)
# Conditions whose models are trained, those that take networks as they are, those whose responses another
# tool computed, and fixed features.
TRAINED = [name for name in CONDITIONS if is_trained(CONDITIONS[name])]
ADOPTED = [name for name in CONDITIONS if is_adopted(CONDITIONS[name])]
GIVEN = [name for name in CONDITIONS if is_given(CONDITIONS[name])]
FIXED = [name for name in CONDITIONS if name not in [*TRAINED, *ADOPTED, *GIVEN]]
# Those with class scores, in the order of the configuration.
WITH_OUTPUTS = [name for name in CONDITIONS if name in [*TRAINED, *ADOPTED]]
# Those whose networks are stored after some epochs.
WITH_SNAPSHOTS = [name for name in TRAINED if CONDITIONS[name].get("snapshots")]
# Conditions whose networks are run again for every lesion.
RUN_AGAIN = [
    name
    for name in WITH_OUTPUTS
    if is_module(CONDITIONS[name]) or not has_readout(CONDITIONS[name]["model"])
]


def seeds_of(condition):
    """The replicates of a condition: those of networks.seeds, one for each file of weights, or one."""
    how = CONDITIONS[condition]
    if condition in TRAINED or "{seed}" in how.get("files", ""):
        count = config["networks"]["seeds"]
    elif condition in ADOPTED:
        count = len(weights_of(how)) or config["networks"]["seeds"]
    else:
        count = 1
    return list(range(1, 1 + count))


def has_replicates(condition):
    """Whether a condition has networks like those of the claims, and not just one."""
    return condition in TRAINED or len(seeds_of(condition)) > 1


def networks_of(conditions):
    """Condition and seed of every network of `conditions`."""
    return [[name, seed] for name in conditions for seed in seeds_of(name)]


NETWORKS = networks_of(CONDITIONS)
TRAINED_NETWORKS = [pair for pair in NETWORKS if pair[0] in TRAINED]
NETWORKS_WITH_OUTPUTS = networks_of(WITH_OUTPUTS)
SPLITS = ["train", "test"]
# Targets as they are written in paths: that of the claims, and further ones.
TARGET, *FURTHER_TARGETS = TARGETS
# The stimuli that are played to every network.
PLAYED = config["stimuli"]["played"]
# Those of them that are quilts, or are compared with quilts.
CUT = [stimulus for stimulus in PLAYED if find(stimulus).stimulus.cut]
# Those that are whole clips.
WHOLE = [stimulus for stimulus in PLAYED if stimulus not in CUT]
# Each with the splits whose clips it is made from.
PLAYED_SPLITS = [
    (stimulus, split)
    for stimulus in PLAYED
    for split in (config["stimuli"]["splits"] if stimulus in CUT else ["test"])
]
# All that every network hears: the clips themselves, stimuli made from them, and probe sets.
ORIGINALS = [(ORIGINAL, split) for split in SPLITS]
HEARD = [
    *ORIGINALS,
    *PLAYED_SPLITS,
    *((f"probe-{probe}", "test") for probe in PROBES),
]
# The levels in dB that clips are played at.
LEVELS = levels_of(PLAYED)
# The targets and probe sets that have profiles: a probe set may have no sounds of a target.
PROFILED = [
    (target, name)
    for target in TARGETS
    for name, probe in PROBES.items()
    if target in probe.target
]
DOWNLOADED_PROBES = [name for name, probe in PROBES.items() if is_url(probe.zip)]
SHARDS = {
    split: shard_names(N_CLIPS[split], config["corpus"]["shard_clips"])
    for split in SPLITS
}


def conditions_of(target):
    """The conditions whose networks are analysed for `target`: for a further one, the claims'."""
    return list(CONDITIONS) if target == TARGET else [CLAIMED]


def one_of(names):
    """A wildcard constraint: one of `names`; without names, it matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    split="train|test",
    shard=r"\d{5}",
    stimulus="|".join([ORIGINAL, *PLAYED]),
    target="|".join(TARGETS),
    probe=one_of(PROBES),
    spectrograms=one_of(SPECTROGRAMS),
    condition="[a-z][a-z0-9_-]*",
    seed="[1-9][0-9]*",
    fraction="[0-9.e-]+",
