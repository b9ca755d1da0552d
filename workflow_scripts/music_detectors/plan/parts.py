"""The needed parts of each claim, as far as they are known before anything is measured."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from music_detectors.claims.columns import CLAIMS
from music_detectors.claims.estimates.balance import NAME, SAME_EFFECT, SAME_NAME, is_touched
from music_detectors.claims.estimates.common import not_named
from music_detectors.claims.study import Study

DIFFERENT = "needed if target and other clips differ in length or level"
EACH = "each "
"""How the name of a part begins that stands for several, whose names come from the sounds."""


class Planned(NamedTuple):
    """A needed part of a claim, and its smallest effect of interest."""

    claim: str
    part: str
    smallest_effect: float
    equivalence: bool = False
    """Whether the claim is that there is no effect; the smallest effect is then the margin."""
    fault: str = ""
    """Why the part will be undetermined, as far as the configuration says."""
    by_rank: bool = False
    """Whether it holds by the place of the target among random sets of classes."""
    only_if: str = ""
    """What the sounds must be like for the part to be needed, where it is not always."""


def planned_parts(
    study: Study, genres: Sequence[str], run: Collection[str], absent: Collection[str] = ()
) -> list[Planned]:
    """Return the needed parts of every claim, in the order of the claims.

    `genres` are the names of the target's genres, `run` the conditions that are run, and `absent`
    the claims whose analysis is not configured. After the parts of a claim follow those that it
    needs as well if target and other clips differ in length or level, which only the sounds tell.
    """
    parts = [_with_fault(part, study, run, absent) for part in _all_parts(study, genres)]
    return [
        part
        for claim in CLAIMS
        for of_claim in ([part for part in parts if part.claim == claim],)
        for part in (*of_claim, *_at_equal_length_and_level(claim, of_claim, parts))
    ]


def _at_equal_length_and_level(
    claim: str, of_claim: Sequence[Planned], parts: Sequence[Planned]
) -> list[Planned]:
    own = [part for part in of_claim if is_touched(claim, part.part)]
    if claim in SAME_EFFECT:
        smallest = of_claim[0].smallest_effect
        (effect,) = (part for part in parts if part[:2] == ("selective", SAME_NAME))
        own = [effect._replace(claim=claim, smallest_effect=smallest)]
    return [part._replace(part=f"{part.part} {NAME}", only_if=DIFFERENT) for part in own]


def _with_fault(
    part: Planned, study: Study, run: Collection[str], absent: Collection[str]
) -> Planned:
    if part.fault:
        return part
    if part.claim in absent:
        return part._replace(fault="its analysis is not configured")
    compared = {*study.controls, *study.features, *study.target_heard, *study.speech_withheld}
    compared |= {*study.withheld_others}
    named = [name for name in sorted(compared) if name in part.part.split()]
    if part.claim == "generalisation":
        named = [*study.shuffled]
    missing = [name for name in named if name not in run]
    return part._replace(fault=f"{', '.join(missing)} not run") if missing else part


def _all_parts(study: Study, genres: Sequence[str]) -> list[Planned]:
    smallest = study.smallest_effects
    # Novelty is the gain over untrained networks.
    no_networks = (
        "" if set(study.controls) - set(study.fixed) else f"{not_named('controls')} of networks"
    )
    found = {
        "apart": [
            Planned("apart", "segregation", smallest["apart"]),
            Planned("apart", "natural classes", smallest["recognition"]),
            Planned("apart", "target classes", smallest["at_chance"], equivalence=True),
            Planned("apart", "decoding", smallest["decoding"]),
            *_over("apart", "decoding", study.features, smallest["decoding"], "features"),
            Planned("apart", "decoding of held-out classes", smallest["decoding"]),
            Planned("apart", "segregation over random classes", 0.0, by_rank=True),
        ],
        "all-units": [Planned("all-units", "effect", smallest["all_units"])],
        "selective": [
            Planned("selective", "effect", smallest["selective"]),
            *_over("selective", "effect", study.controls, smallest["controls"]),
            Planned("selective", "held-out classes", smallest["held_out"]),
            Planned("selective", "over random classes", 0.0, by_rank=True),
        ],
        "level": [
            Planned("level", "equal level", smallest["level"]),
            Planned("level", "lowest level", smallest["level"]),
        ],
        "decoding": [
            Planned("decoding", "top units", smallest["suffice"]),
            Planned("decoding", "top over next units", smallest["decoding"]),
            *([Planned("decoding", "genres", smallest["recognition"])] if genres else []),
        ],
        "probe": [
            Planned("probe", "ratio", smallest["ratio"]),
            *_over("probe", "ratio", study.controls, smallest["ratio"]),
            Planned(
                "probe", f"{EACH}category of the target, and over each other", smallest["probe"]
            ),
        ],
        "models": [
            *(
                Planned("models", f"{study.condition} and {name}", smallest["same"], True)
                for name in study.target_heard
            ),
            *_without(
                *("models", "with and without the target in training", smallest["same"], True),
                *("target_heard", study.target_heard),
            ),
            *(
                part
                for name in (study.condition, *study.target_heard)
                for part in _over("models", name, study.controls, smallest["ratio"])
            ),
        ],
        "temporal": _temporal(study, smallest),
        "generalisation": [
            Planned(
                "generalisation", f"{EACH}of the two shortest lengths", smallest["generalisation"]
            )
            for _ in study.shuffled[:1]
        ]
        + _without(
            *("generalisation", "at the shortest lengths", smallest["generalisation"], False),
            *("shuffled", study.shuffled),
        ),
        "lesion": [Planned("lesion", f"top over {name}", smallest["lesion"]) for name in _SILENCED],
        "emergence": [
            Planned("emergence", "segregation", smallest["apart"]),
            Planned("emergence", "recognition", smallest["recognition"]),
        ],
        "speech": [
            part
            for name in study.speech_withheld
            for part in (
                Planned("speech", f"effect of {name}", smallest["selective"]),
                Planned("speech", f"rise over {name}", smallest["temporal"]),
            )
        ]
        + _without(
            *("speech", "effect", smallest["selective"], False),
            *("speech_withheld", study.speech_withheld),
        ),
        "specific": [
            part
            for name in study.further
            for part in (
                Planned("specific", f"{name}: less selective", smallest["ratio"]),
                Planned("specific", f"{name}: no effect of segments", smallest["temporal"], True),
            )
        ]
        + ([] if study.further else [_no_other_target(smallest)])
        + [
            Planned("specific", f"novelty over {name}", smallest["novelty"], fault=no_networks)
            for name in study.withheld_others
        ]
        + _without(
            *("specific", "novelty", smallest["novelty"], False),
            *("withheld_others", study.withheld_others),
        ),
        "acoustics": [
            Planned("acoustics", "residual effect", smallest["acoustics"]),
            *_over("acoustics", "residual effect", study.controls, smallest["controls"]),
            Planned("acoustics", "decoding", smallest["decoding"]),
        ],
        "genres": [
            Planned(
                *("genres", "most genres", smallest["genres"]),
                fault="" if genres else "the corpus has no genres",
            ),
            *(Planned("genres", name, 0.0) for name in genres),
        ],
    }
    return [part for claim in CLAIMS for part in found[claim]]


_SILENCED = ("middle", "bottom", "norm", "response", "drive", "drive, at the mean")
"""The lesions that the lesion of the most selective units is compared with."""


def _temporal(study: Study, smallest: Mapping[str, float]) -> list[Planned]:
    names = ("rise", "interaction", "in proportion", "rise over the least selective units")
    return [
        *(Planned("temporal", name, smallest["temporal"]) for name in names),
        # Its smallest effect is that of the slope times the octaves between the lengths.
        Planned("temporal", "fall", smallest["temporal"]),
        *_over("temporal", "rise", study.controls, smallest["temporal"]),
    ]


def _over(
    claim: str, part: str, conditions: Sequence[str], smallest: float, key: str = "controls"
) -> list[Planned]:
    """Return the parts that compare `part` with conditions of `claims.compared.<key>`."""
    if not conditions:
        return [Planned(claim, f"{part} over {key}", smallest, fault=not_named(key))]
    return [Planned(claim, f"{part} over {name}", smallest) for name in conditions]


def _without(
    claim: str, part: str, smallest: float, equivalence: bool, key: str, conditions: Sequence[str]
) -> list[Planned]:
    """Return the part in place of those of `conditions` where `claims.compared.<key>` has none."""
    if conditions:
        return []
    return [Planned(claim, part, smallest, equivalence, not_named(key))]


def _no_other_target(smallest: Mapping[str, float]) -> Planned:
    fault = "no other target; list some in targets"
    return Planned("specific", "less selective", smallest["ratio"], fault=fault)
