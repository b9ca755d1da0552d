"""Write the plan of a run: once, and never over another one."""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from music_detectors import __version__
from music_detectors.claims.columns import CLAIMS
from music_detectors.claims.statements import TITLES, statements
from music_detectors.claims.study import Study
from music_detectors.common.damage import rebuild
from music_detectors.common.errors import InputError, say
from music_detectors.common.files import replacing
from music_detectors.plan.clips import planned_clips
from music_detectors.plan.keys import Change, digest_of, fixed_keys
from music_detectors.plan.page import page as page_of
from music_detectors.plan.parts import planned_parts
from music_detectors.plan.power import planned_power
from music_detectors.plan.stored import differences, read_plan


def write_plan(
    clips: str | os.PathLike,
    classes: str | os.PathLike,
    plan: str | os.PathLike,
    page: str | os.PathLike,
    *,
    config: Mapping,
    study: Study,
    networks: Mapping[str, int],
    weights: Sequence[str | os.PathLike],
    judged_by: str,
    absent: Sequence[str] = (),
) -> None:
    """Write `plan` (plan.json), unless the same plan is there, and `page` (plan.md) from it.

    `clips` and `classes` are the tables of the corpus, `config` the whole configuration, `networks`
    the number of networks of each condition, `weights` the files of those that will be trained (the
    plan tells whether some exist already), `judged_by` the digest of the code of the claims, and
    `absent` has the claims whose analysis is not configured. Raises InputError, naming the keys,
    when another plan is there.
    """
    path = Path(plan)
    fixed, corpus = fixed_keys(config), planned_clips(clips, classes)
    before = sum(Path(one).exists() for one in weights)
    if path.exists():
        made = read_plan(path)
        differ = differences(made, fixed, corpus["digest"])
        if differ:
            raise InputError(_refusal(path, made, differ, before))
        say(f"The plan of {made['written']} stands: {page}")
    else:
        made = _plan(fixed, corpus, config, study, networks, before, judged_by, absent)
        with replacing(path, checksum=True) as temporary:
            temporary.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", "utf-8")
    with replacing(page) as temporary:
        temporary.write_text(page_of(made), "utf-8")


def _plan(
    fixed: Mapping[str, object],
    corpus: Mapping,
    config: Mapping,
    study: Study,
    networks: Mapping[str, int],
    before: int,
    judged_by: str,
    absent: Sequence[str],
) -> dict:
    parts = planned_parts(study, [genre["name"] for genre in corpus["genres"]], [*networks], absent)
    never = any(
        study.target in branch
        for branch in config["conditions"][study.condition].get("withhold", [])
    )
    texts = statements(study.target, study.condition, never)
    claims = config["claims"]
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "digest": digest_of(fixed),
        "judged_by": judged_by,
        "networks_before": before,
        "corpus_name": config["corpus"]["name"],
        "target": study.target,
        "condition": study.condition,
        "alpha": claims["alpha"],
        "min_networks": claims["min_networks"],
        "sounds": claims["sounds"],
        "networks": dict(networks),
        "corpus": corpus,
        "claims": [
            {
                "claim": claim,
                "title": TITLES[claim],
                "statement": texts[claim],
                "parts": [
                    {
                        "part": part.part,
                        "smallest_effect": part.smallest_effect,
                        "equivalence": part.equivalence,
                        "by_rank": part.by_rank,
                        "fault": part.fault,
                        "only_if": part.only_if,
                    }
                    for part in parts
                    if part.claim == claim
                ],
            }
            for claim in CLAIMS
        ],
        # Of parts that only some sounds need, nothing is known yet.
        "power": planned_power(
            [part for part in parts if not part.only_if],
            corpus,
            networks[study.condition],
            claims["alpha"],
            claims["min_networks"],
        ),
        "configuration": dict(fixed),
    }


def _refusal(path: Path, plan: Mapping, differ: Sequence[Change], before: int) -> str:
    named = "; ".join(change.in_words() for change in differ[:8])
    more = f"; and {len(differ) - 8} more" if len(differ) > 8 else ""
    again = (
        f"; {before} networks exist already, so another plan would not be one made beforehand: the "
        "report names what differs"
        if before
        else ""
    )
    return (
        f"{path}: the plan of {plan['written']} is another: {named}{more}; keep it by setting "
        f"these back, or {rebuild(path.parent)}{again}"
    )
