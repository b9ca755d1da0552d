"""How the memory of analyses grows with the train clips, and with how many of them are used.

They run on generated files of two sizes; those that use a sample of many clips with two samples, so
that clips outside it can be told from those in it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from audioset_sized import link_networks, usable_clips, write_metadata, write_networks, write_shards
from bench_budget import Folder, measured

TRAIN, TEST = (30_000, 60_000), 4_000
SAMPLE = 10_000
RULES = ("join_acoustics", "assign_blocks", "match_clips", "score_recognition", "embed_responses")
FILES = (
    "selectivity/music/matched.tsv",
    "recognition/natural/seed-1/average_precision.tsv",
    "embedding/music/natural/seed-1/points.tsv",
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


def main() -> None:
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
