"""The claims in words."""

TITLES = {
    "apart": "Apart from other sounds",
    "all-units": "Response of all units",
    "selective": "Selective units",
    "level": "More than loudness",
    "decoding": "Selective units suffice",
    "probe": "Over each category of sounds",
    "models": "With and without the target",
    "temporal": "Temporal structure",
    "generalisation": "Generalisation, not memory",
    "lesion": "Recognition depends on them",
    "emergence": "Emergence over training",
    "speech": "Without speech",
    "specific": "Not so for other targets",
    "acoustics": "More than acoustics",
    "genres": "In every genre",
}


def statements(target: str, condition: str, never_heard: bool) -> dict[str, str]:
    """Return what each claim says about networks of `condition`, in one sentence each.

    `never_heard` tells whether these networks have never heard the `target`.
    """
    never = f", which have never heard {target}," if never_heard else ""
    return {
        "apart": f"Networks trained on natural sounds ({condition}){never} represent {target} "
        f"apart from other sounds: they recognise natural sounds but no class of {target}, and "
        f"still tell {target} better than simpler features do.",
        "all-units": f"The mean response of all units is stronger to {target} than to other "
        "sounds.",
        "selective": f"Some of their units respond far more to {target} than to other sounds, in "
        "clips that the networks have not heard before, and in classes that the units were not "
        "chosen on. Units of untrained networks, and filters that do not learn, do so to a lesser "
        f"degree, and so do units that are chosen for random sets of classes instead of {target}.",
        "level": f"They still do when {target} is no louder than other sounds, or much softer.",
        "decoding": f"These units alone suffice to tell {target}, and tell it better than other "
        "units do.",
        "probe": f"Among sounds of another collection they respond more to {target} than to any "
        "other category.",
        "models": f"Networks that have heard {target} in training are no more selective; both are "
        "more selective than untrained networks and filters that do not learn.",
        "temporal": f"They respond to structure in time: when {target} is chopped into segments "
        "and rearranged, the response falls, and falls further the shorter the segments; the "
        "response to other sounds falls less, and so do other units and models.",
        "generalisation": "Units of networks that have memorised labels without meaning do not: "
        "their response to short segments stays closer to that to intact clips.",
        "lesion": "Silencing these units impairs the recognition of natural sounds more than "
        "silencing as many other units.",
        "emergence": f"As networks learn to recognise natural sounds, {target} parts from other "
        "sounds.",
        "speech": "Networks that have heard no speech either still have selective units, whose "
        "response changes less among long segments.",
        "specific": "Units chosen for other targets in the same networks are less selective, and "
        "show no effect of segment length; and training does less for another kind of sound that "
        f"is withheld in the place of {target}.",
        "acoustics": "Low-level acoustic features do not explain the selectivity.",
        "genres": f"These units respond more to {target} of every genre than to other sounds.",
    }
