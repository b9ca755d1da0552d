"""The plan as a page to read."""

from collections.abc import Iterable, Mapping, Sequence

_SOUNDS = {
    "groups": "a group of clips (one recording, or one group of the manifest)",
    "clips": "a clip",
    "classes": "a class of sounds",
}


def page(plan: Mapping) -> str:
    """Return the plan as Markdown."""
    lines = [
        f"# Plan: {plan['target']} in networks, corpus {plan['corpus_name']}",
        "",
        f"Written on {plan['written']} by version {plan['version']} of the workflow, "
        f"{_before(plan['networks_before'])}. It follows from the configuration with the digest "
        f"`{plan['digest']}`, which is in `plan.json`, and from the clips with the digest "
        f"`{plan['corpus']['digest']}`. The report says whether the run kept to it.",
        "",
        "## What will be judged",
        "",
        f"Claims are about the networks of the condition `{plan['condition']}`. The probability of "
        f"a wrong verdict on any claim is at most {plan['alpha']:g}. One draw of a sound is "
        f"{_SOUNDS[plan['sounds']]}. With fewer than {plan['min_networks']} networks, every "
        "verdict is undetermined. A claim is supported when all its parts are. Those at equal "
        "length and level count if target and other test clips differ in length or level, which "
        "only the sounds tell. docs/claims.md defines the estimates.",
        "",
    ]
    for number, claim in enumerate(plan["claims"], 1):
        lines += [f"{number}. **{claim['title']}.** {claim['statement']}", ""]
        lines += _table(
            ("part", "smallest effect of interest"),
            ((part["part"], _smallest(part)) for part in claim["parts"]),
        )
    lines += ["## Networks", ""]
    lines += _table(("condition", "networks"), plan["networks"].items())
    lines += ["## Clips", ""]
    lines += _table(
        ("split", "role", "clips", "groups"),
        (
            (row["split"], row["role"], row["clips"], row["groups"])
            for row in plan["corpus"]["roles"]
        ),
    )
    if plan["corpus"]["genres"]:
        lines += ["Clips of the target of each genre, before any is lost on the way:", ""]
        lines += _table(
            ("genre", "train clips", "test clips", "test groups"),
            (
                (row["name"], row["train"]["clips"], row["test"]["clips"], row["test"]["groups"])
                for row in plan["corpus"]["genres"]
            ),
        )
    return "\n".join([*lines, *_power(plan["power"])]).rstrip() + "\n"


def _power(power: Mapping) -> Sequence[str]:
    lines = [
        "## Power",
        "",
        f"The share of {power['runs']} simulated runs of this size in which each claim is "
        "supported, if clips differ in neither length nor level and every part has the effect that "
        "docs/validity.md assumes: the article's where it gives one, else twice the smallest "
        "effect of interest (a genre has 0.8 SD, and the target lies two SD above random sets of "
        "classes).",
        "",
    ]
    return [
        *lines,
        *_table(
            ("claim", "supported", "present", "not supported", "undetermined"),
            (
                (row["claim"], *(f"{row.get(name, 0.0):.2f}" for name in _VERDICTS))
                for row in power["claims"]
            ),
        ),
    ]


_VERDICTS = ("supported", "present", "not supported", "undetermined")


def _before(networks: int) -> str:
    if not networks:
        return "before any network was trained"
    return f"**when {networks} networks had been trained already**"


def _smallest(part: Mapping) -> str:
    effect = ("within ±" if part["equivalence"] else "") + f"{part['smallest_effect']:g}"
    # Plans of earlier versions do not say so.
    if part.get("by_rank"):
        effect = "p among random sets at most alpha"
    # Plans of earlier versions have no such parts.
    only_if = f"; {part['only_if']}" if part.get("only_if") else ""
    return effect + (f"; undetermined: {part['fault']}" if part["fault"] else only_if)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    escaped = ([str(cell).replace("|", r"\|") for cell in row] for row in rows)
    lines = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    return [*lines, *(f"| {' | '.join(row)} |" for row in escaped), ""]
