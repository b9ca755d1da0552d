"""Whether a run kept to its plan, for the report."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from music_detectors.common.tables import read_table, write_table
from music_detectors.plan.clips import digest_of_clips
from music_detectors.plan.columns import PLAN_REPORTS
from music_detectors.plan.keys import digest_of, fixed_keys
from music_detectors.plan.stored import PLAN, differences, read_plan

_REPORTS = "reports.tsv"


def kept(
    folder: str | os.PathLike, clips: str | os.PathLike, config: Mapping, judged_by: str
) -> dict | None:
    """Return how the run differs from the plan in `folder`; None if there is no plan.

    `clips` is the table of the corpus, `config` the whole configuration, and `judged_by` the digest
    of the code of the claims. `changes` are the keys that differ now, and `earlier` those that
    differed in an earlier report and are set back. What differs now is added to reports.tsv in
    `folder`. Raises InputError, naming the file, when the plan or that table cannot be read.
    """
    path = Path(folder, PLAN)
    if not path.exists():
        return None
    plan, fixed, digest = read_plan(path), fixed_keys(config), digest_of_clips(clips)
    now = pd.DataFrame(
        [
            (change.key, json.dumps(change.planned), json.dumps(change.used))
            for change in differences(plan, fixed, digest)
        ],
        columns=["key", "planned", "used"],
    )
    past = _noted(Path(folder, _REPORTS), now, digest_of({**fixed, "clips": digest}))
    earlier = past[(past["key"] != "") & ~past["key"].isin(now["key"])]
    return {
        "written": plan["written"],
        "version": plan["version"],
        "digest": plan["digest"],
        "networks_before": plan["networks_before"],
        "other_code": plan["judged_by"] != judged_by,
        "changes": now.to_dict("records"),
        "earlier": earlier.to_dict("records"),
    }


def _noted(path: Path, now: pd.DataFrame, digest: str) -> pd.DataFrame:
    """Return the table of earlier reports (PLAN_REPORTS), after adding this one to it."""
    past = (
        read_table(path, PLAN_REPORTS) if path.exists() else pd.DataFrame(columns=[*PLAN_REPORTS])
    )
    if len(past) and past["digest"].iloc[-1] == digest:
        return past
    rows = now if len(now) else pd.DataFrame([("", "", "")], columns=now.columns)
    rows = rows.assign(written=datetime.now(UTC).isoformat(timespec="seconds"), digest=digest)
    write_table(path, pd.concat([past, rows], ignore_index=True), PLAN_REPORTS)
    return past
