"""The columns of the table of a plan."""

PLAN_REPORTS = {"written": str, "digest": str, "key": str, "planned": str, "used": str}
"""`plan/reports.tsv`: with what each report of this corpus differed from the plan.

Each report whose configuration (with this `digest`) is not that of the report before adds one row
for every `key` that differs from the plan, with its two values as JSON, or one row without a key
where none does. Thus a key that was changed and set back stays visible.
"""
