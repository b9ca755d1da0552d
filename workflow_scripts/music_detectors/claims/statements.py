"""The claims in words."""

TITLES = {
    "apart": "Apart from other sounds",
    "selective": "Selective units",
    "genres": "In every genre",
    "temporal": "Temporal structure",
    "acoustics": "More than acoustics",
    "lesion": "Recognition depends on them",
}


def statements(target: str, condition: str, never_heard: bool) -> dict[str, str]:
    """Return what each claim says about networks of `condition`, in one sentence each.

    `never_heard` tells whether these networks have never heard the `target`.
    """
    never = f", which have never heard {target}," if never_heard else ""
    return {
        "apart": f"Networks trained on natural sounds ({condition}){never} represent {target} "
        "apart from other sounds.",
        "selective": f"Some of their units respond far more to {target} than to other sounds, in "
        "clips that the networks have not heard before. Units of untrained networks, and of "
        "networks trained on shuffled labels, do so to a lesser degree.",
        "genres": f"These units respond more to {target} of every genre than to other sounds.",
        "temporal": f"They respond to structure in time: when {target} is chopped into segments "
        "and rearranged, the response falls, and falls further the shorter the segments; the "
        "response to other sounds hardly changes.",
        "acoustics": "Low-level acoustic features do not explain the selectivity.",
        "lesion": "Silencing these units impairs the recognition of natural sounds more than "
        "silencing the same number of other units.",
    }
