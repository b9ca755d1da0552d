"""The report of a check of a GPU, as a page to read."""

from collections.abc import Mapping
from typing import Any

from music_detectors.gpu_check.timing import FORWARD_FLOP, STEP_BYTES, TRAINING_FLOP

_VALIDATION = 0.1
_BATCH = 32
_FIRST = "Triton's first"


def page(found: Mapping[str, Any]) -> str:
    """Return what was `found` so far, in Markdown."""
    lines = ["# Check of a GPU", ""]
    for name, value in found.get("machine", {}).items():
        lines.append(f"- {name.replace('_', ' ')}: {value}")
    lines += ["", "| check | |", "|---|---|"]
    for check in found["checks"]:
        more = {key: value for key, value in check.items() if key not in ("name", "holds")}
        worst = max((value for value in more.values() if isinstance(value, float)), default=None)
        said = "holds" if check["holds"] else "**fails**"
        if worst is not None:
            said += f" (largest error {worst:.1e})"
        lines.append(f"| {check['name']} | {said} |")
    rates = found.get("rates")
    if rates:
        lines += [
            "",
            f"At best: {rates['flop_per_s'] / 1e12:.0f} TFLOP/s in bfloat16, "
            f"{rates['bytes_per_s'] / 1e12:.2f} TB/s of memory.",
        ]
    if rates and "step" in found:
        lines += _step(found["step"], rates)
    if rates and "jobs" in found:
        lines += _jobs(found["jobs"], rates)
    return "\n".join([*lines, ""])


def _step(step: Mapping[str, Any], rates: Mapping[str, float]) -> list[str]:
    arithmetic = _BATCH * TRAINING_FLOP / rates["flop_per_s"] * 1e6
    traffic = STEP_BYTES / rates["bytes_per_s"] * 1e6
    return [
        "",
        f"A training step of {_BATCH} clips takes {step['with a graph']:.0f} us with a graph and "
        f"{step['without']:.0f} us without. Its arithmetic takes {arithmetic:.0f} us at best, its "
        f"traffic of memory {traffic:.0f} us.",
        *_triton(step),
        "",
        "| us a step | kernels | |",
        "|---|---|---|",
        *(
            f"| {kernel['us']:.1f} | {kernel['times']:g} | `{kernel['kernel'][:90]}` |"
            for kernel in step["slowest"]
        ),
    ]


def _triton(step: Mapping[str, Any]) -> list[str]:
    if "Triton" not in step:
        return ["Triton is not installed here."]
    return [
        f"With Triton's blocks it takes {step['Triton']['with a graph']:.0f} us with a graph and "
        f"{step['Triton']['without']:.0f} us without; the first such steps took "
        f"{step[_FIRST]:.1f} s, with what had to be compiled.",
    ]


def _jobs(jobs: list[Mapping[str, Any]], rates: Mapping[str, float]) -> list[str]:
    lines = [
        "",
        "| job | seconds, from its start | a network | times the arithmetic | start | loading |",
        "|---|---|---|---|---|---|",
    ]
    for job in jobs:
        networks, clips = job["networks"], job["clips"]
        if job["job"] == "train":
            what = f"{job['epochs']} epochs of {clips:,} clips, networks: {networks}"
            flop = (1 - _VALIDATION) * TRAINING_FLOP + _VALIDATION * FORWARD_FLOP
            operations = job["epochs"] * clips * flop
        else:
            what, operations = f"responses to {clips:,} clips, networks: {networks}", 0.0
        each = job["whole"] / networks
        floor = operations / rates["flop_per_s"]
        times = f"{each / floor:.1f}" if floor else ""
        loading = f"{job['loading']:.1f}" if "loading" in job else ""
        lines.append(
            f"| {what} | {job['whole']:.1f} | {each:.1f} | {times} | {job['imports']:.1f} "
            f"| {loading} |"
        )
    return lines
