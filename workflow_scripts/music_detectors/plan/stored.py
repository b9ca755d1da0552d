"""A plan that was written, and how it differs from the configuration now."""

import json
import os
from collections.abc import Mapping

from music_detectors.common.damage import damaged
from music_detectors.common.files import read_checked
from music_detectors.plan.keys import Change, changes

PLAN = "plan.json"
"""The name of the file in the folder of a plan that the report compares with."""
_KEYS = ("written", "version", "digest", "configuration", "corpus", "networks_before", "judged_by")


def read_plan(path: str | os.PathLike) -> dict:
    """Return the plan in the file `path`.

    Raises InputError, naming it, when it cannot be read, was changed, or is no plan.
    """
    content = read_checked(path, "plan")
    try:
        plan = json.loads(content)
        missing = [key for key in _KEYS if key not in plan]
    except (ValueError, TypeError) as error:
        raise damaged(path, "plan", error) from error
    if missing or not isinstance(plan, dict):
        raise damaged(path, "plan", f"lacks {missing[0]}" if missing else "no mapping")
    return plan


def differences(plan: Mapping, fixed: Mapping[str, object], digest: str) -> list[Change]:
    """Return what differs between `plan` and the keys `fixed` now, and the clips by their digest.

    The key of the clips is `the clips of the corpus`.
    """
    found = changes(plan["configuration"], fixed)
    if plan["corpus"]["digest"] != digest:
        found.append(Change("the clips of the corpus", plan["corpus"]["digest"], digest))
    return found
