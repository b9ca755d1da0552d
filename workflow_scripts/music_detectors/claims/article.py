"""What the article reports, to show beside what was measured here.

Values of Kim, Kim & Jeong, Nature Communications 15:148 (2024), for music on AudioSet; where the
article draws without a number, of its authors' published notebook (one network).
"""

from dataclasses import dataclass

_NOTEBOOK = "authors' notebook"


@dataclass(frozen=True)
class Reported:
    """A value of the article: of what, how much (as it is printed), and in which figure."""

    measure: str
    value: str
    figure: str


ARTICLE = {
    ("apart", "natural classes"): Reported(
        "mean average precision of natural classes", "0.109 (chance 0.0045)", _NOTEBOOK
    ),
    ("apart", "target classes"): Reported(
        "mean average precision of the target's classes", "0.0073 (chance 0.0056)", _NOTEBOOK
    ),
    ("apart", "decoding"): Reported(
        "average precision from all units", "0.887 ± 0.005 (chance 0.266)", "Fig. 1"
    ),
    ("apart", "decoding over pca"): Reported("average precision from PCA", "0.437", "Fig. 1"),
    ("apart", "decoding over gabor"): Reported(
        "average precision from Gabor filters", "0.828", "Fig. 1"
    ),
    ("apart", "decoding with pca"): Reported(
        "average precision from all units and PCA", "0.887", "Fig. 1"
    ),
    ("apart", "decoding with gabor"): Reported(
        "average precision from all units and Gabor filters", "0.894", "Fig. 1"
    ),
    ("all-units", "effect"): Reported("common-language effect size", "0.689", "Fig. 2a"),
    ("selective", "effect"): Reported("ratio of responses", "2.07", "Fig. 2b"),
    ("level", "equal level"): Reported("ratio of responses", "1.97", "Fig. 2c"),
    ("level", "lowest level"): Reported("ratio of responses", "1.70 (at 1/64)", "Fig. 2c"),
    ("decoding", "top units"): Reported(
        "average precision from the top units", "0.832 ± 0.007", "Fig. 2d"
    ),
    ("probe", "ratio"): Reported("ratio of responses", "1.88 ± 0.13", "Fig. 3"),
    ("probe", "ratio over untrained"): Reported("ratio of responses, untrained", "1.03", "Fig. 3"),
    ("probe", "ratio over gabor"): Reported("ratio of responses, Gabor", "0.95", "Fig. 3"),
    ("probe", "ratio over full"): Reported(
        "ratio of responses, music in training", "1.61 ± 0.16", "Fig. 3"
    ),
    ("models", "natural and full"): Reported(
        "p of a difference between the ratios", "p = 0.42", "Fig. 3e"
    ),
    ("models", "natural over gabor"): Reported("ratio of responses, Gabor", "1.12", "Fig. 3e"),
    ("temporal", "rise"): Reported("correlation of response and segment length", "0.601", "Fig. 4"),
    ("temporal", "fall"): Reported(
        "response to the shortest segments over intact", "0.780 (0.599 / 0.768)", "Fig. 4"
    ),
    ("temporal", "fall, longest segments"): Reported(
        "response to the longest segments over intact", "1.009 (0.775 / 0.768, 800 ms)", "Fig. 4"
    ),
    ("temporal", "rise, other sounds"): Reported(
        "correlation of response and segment length", "0.38", "Fig. 4"
    ),
    ("generalisation", "at 50 ms"): Reported("p of the difference", "p = 0.006", "Fig. 5b"),
    ("generalisation", "at 100 ms"): Reported("p of the difference", "p = 0.006", "Fig. 5b"),
    ("lesion", "top over bottom"): Reported(
        "difference in mAP over intact mAP", "0.156", _NOTEBOOK
    ),
    ("lesion", "top over middle"): Reported(
        "difference in mAP over intact mAP", "0.165", _NOTEBOOK
    ),
    ("lesion", "top over norm"): Reported("difference in mAP over intact mAP", "0.037", _NOTEBOOK),
    ("speech", "effect of no-speech"): Reported("ratio of responses", "1.77", "Fig. S10"),
    ("specific", "Speech: less selective"): Reported(
        "ratio of responses to Speech", "1.31", "Fig. S11"
    ),
}
"""Claim and part to the article's value. Parts that name a condition are those of config.yaml."""
