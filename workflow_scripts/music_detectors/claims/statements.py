"""The claims in words."""

TITLES = {
    "apart": "Apart from other sounds",
    "selective": "Selective units",
    "genres": "In every genre",
    "temporal": "Temporal structure",
    "acoustics": "More than acoustics",
    "lesion": "Recognition rests on them",
}


def statements(target: str, condition: str, withheld: bool) -> dict[str, str]:
    """Return what each claim says of networks of `condition`, in one sentence.

    `withheld` says whether these have never heard the `target`.
    """
    never = f", which have never heard {target}," if withheld else ""
    return {
        "apart": f"Networks trained on natural sounds ({condition}){never} represent {target} "
        "apart from other sounds.",
        "selective": f"Some of their units respond far more to {target} than to other sounds, in "
        "clips that the networks have not heard before; those of untrained networks, and of "
        "networks trained on shuffled labels, do not to the same degree.",
        "genres": f"These units respond more to {target} of every genre.",
        "temporal": f"They respond to structure in time: to {target} chopped into segments and "
        "rearranged they respond less, the less the shorter the segments; to other sounds their "
        "response hardly changes.",
        "acoustics": "Low-level acoustic features do not explain it.",
        "lesion": "Silencing these units costs the recognition of natural sounds more than "
        "silencing as many others.",
    }
