"""Networks that were not trained in the run: what the configuration says they were trained on."""

from collections.abc import Mapping

from music_detectors.common.errors import one_line

NOT_SAID = "not said"
"""In tables, in the place of what a network of others was trained on."""


def trained_elsewhere(conditions: Mapping[str, Mapping | None]) -> dict[str, str]:
    """Return what the networks of each condition that has others' were trained on, in words.

    `conditions` are those of the configuration. What the configuration does not say is "". A
    condition has the networks of others if it names their weights or responses, or says what they
    were trained on.
    """
    return {
        name: one_line(how.get("trained_on", ""), 300)
        for name, how in conditions.items()
        if how is not None
        and (how.get("weights") or how.get("model") == "responses" or "trained_on" in how)
    }
