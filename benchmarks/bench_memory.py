"""How the memory of analyses grows with the train clips, and with how many of them are used.

They run on generated files of two sizes; those that use a sample of many clips with two samples, so
that clips outside it can be told from those in it. `bench_memory.py CLIPS` runs the jobs of one
network with so many train clips, with the samples that the workflow takes, and compares their peaks
with what they ask for; 2,480,000 listed clips are two million usable ones, and take 13 GB of disk.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from audioset_sized import link_networks, usable_clips, write_metadata, write_networks, write_shards
from bench_budget import OF_ONE_NETWORK, Folder, measured

TRAIN, TEST = (30_000, 60_000), 4_000
SAMPLE = 10_000
RULES = ("join_acoustics", "assign_blocks", "match_clips", "score_recognition", "embed_responses")
FILES = (
    "selectivity/music/matched.tsv",
    "recognition/natural/seed-1/average_precision.tsv",
    "embedding/music/natural/seed-1/points.tsv",
)
FILES_OF_NETWORK = (
    *FILES,
    "selectivity/music/natural/seed-1/class_responses.tsv",
    "decoding/music/natural/seed-1/decoding.tsv",
    "specificity/music/natural/seed-1/sets.tsv",
    "lesions/music/natural/seed-1/lesions.tsv",
)
# With a sample of train clips. The first call writes the table of units that the second reads.
SAMPLED = """
import re
from pathlib import Path
from music_detectors.responses import sample
sample.MOST_FITTED = {sample}
from music_detectors.{module} import {function} as run
R = Path({results!r})
N = "natural/seed-1"
heard = [R / f"responses/{{N}}/original/{{split}}.h5" for split in ("train", "test")]
corpus = [R / f"corpus/{{name}}.tsv" for name in ("clips", "classes", "branches", "blocks")]
units, matched = R / f"selectivity/music/{{N}}/units.tsv", R / "selectivity/music/matched.tsv"
acoustics = {{split: R / f"acoustics/{{split}}.tsv" for split in ("train", "test")}}
outputs = [R.parent / name for name in ("a.tsv", "b.tsv")]
{call}
print(int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""
CALLS = {
    "selectivity_units": (
        "selectivity.units",
        "run(*heard, corpus[0], units, acoustics=acoustics, fraction=0.125, "
        "permutations=1000, seed=1, condition='natural', replicate=1)",
    ),
    "decode_target": (
        "decoding.decode",
        "run(units, *heard, *corpus[:2], corpus[3], matched, *outputs, acoustics=acoustics, "
        "fixed={}, layer='avgpool', block_size=32, seed=1, replicate=1)",
    ),
    "measure_specificity": (
        "specificity.measure",
        "run(*heard, *corpus, matched, R / f'embedding/music/{N}/points.tsv', *outputs, "
        "withheld_others={}, layer='avgpool', fraction=0.125, seed=1, replicate=1)",
    ),
}


def peaks(folder: Folder, train: int) -> dict[str, float]:
    """Return the peak memory in MB of each job with so many `train` clips."""
    write_metadata(folder.path, {"train": train, "test": TEST})
    folder.configure(1)
    folder.make("corpus/clips.tsv")
    clips = usable_clips(folder.results)
    write_shards(folder.results, clips, {"original": ["train", "test"]}, with_sound=False)
    made = folder.path / "made"
    write_networks(made, clips, folder.results, ["original"], [])
    link_networks(made, folder.results, [("natural", 1)])
    folder.make(*FILES, rules=RULES)
    found = {rule: peak for rule, (_, peak, _) in measured(folder).items()}
    for function, (module, call) in CALLS.items():
        for sample in (SAMPLE, 2 * SAMPLE):
            code = SAMPLED.format(
                sample=sample,
                module=module,
                function=function,
                results=str(folder.results),
                call=call,
            )
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            )
            found[f"{function}, {sample:,} sampled"] = float(done.stdout.split()[-1])
    return found


def compare_with_asked(folder: Folder, train: int) -> None:
    """Print what the jobs of a network take with so many `train` clips, and what they ask for."""
    write_metadata(folder.path, {"train": train, "test": 20_371})
    folder.configure(1)
    folder.make("corpus/clips.tsv")
    clips = usable_clips(folder.results)
    write_shards(folder.results, clips, {"original": ["train", "test"]}, with_sound=False)
    made = folder.path / "made"
    write_networks(made, clips, folder.results, ["original"], [], layers=("avgpool", "fc1", "fc2"))
    link_networks(made, folder.results, [("natural", 1)])
    usable = clips.loc[clips["split"] == "train", "usable"].sum()
    print(f"{train:,} train clips listed, of which {usable:,} are usable", flush=True)
    del clips
    folder.make(*FILES_OF_NETWORK, rules=OF_ONE_NETWORK)
    for rule, (seconds, peak, asked) in measured(folder).items():
        print(f"{rule:25} {seconds:7.1f} s {peak:7.0f} MB, asks for {asked:6} MB", flush=True)


def main() -> None:
    if len(sys.argv) > 1:
        with tempfile.TemporaryDirectory() as name:
            compare_with_asked(Folder(Path(name)), int(sys.argv[1]))
        return
    found = []
    for train in TRAIN:
        with tempfile.TemporaryDirectory() as name:
            found.append(peaks(Folder(Path(name)), train))
            for rule, peak in found[-1].items():
                print(f"{train:8,d}  {rule:40} {peak:7.0f} MB", flush=True)
    more = (TRAIN[1] - TRAIN[0]) / 1e3
    for rule, first in found[0].items():
        print(f"{rule:40} {(found[1][rule] - first) / more:6.2f} kB per listed train clip")


if __name__ == "__main__":
    main()
