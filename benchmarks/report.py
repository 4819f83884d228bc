"""Rows as a table for people and as JSON for comparisons.

``bench-cpu.json``: ``{"environment": {…}, "load_after": 0.4, "minutes": 9.1, "rows": [Row.as_dict(), …],
"failed": [{"name": …, "why": …}]}``; ``bench-cpu.md`` shows the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.row import Row

HEAD = ("| target | what | reference | ours | ratio | wanted | |", "|---|---|---|---|---|---|---|")


def table(rows: Sequence[Row]) -> str:
    """Markdown: one line a row, then what has to hold besides."""
    lines = [*HEAD]
    for row in rows:
        reference = f"{row.reference} {row.unit}" if row.reference else ""
        ratio = f"{row.ratio}" if row.ratio else ""
        verdict = "pass" if row.passed else "**short**"
        lines.append(
            f"| {row.target} | {row.what} | {reference} | {row.ours} {row.unit} | {ratio} | {row.wanted} | {verdict} |"
        )
    notes = [_note(row) for row in rows if row.checks or row.note or row.reference_is]
    return "\n".join([*lines, "", *notes]) + "\n"


def _note(row: Row) -> str:
    parts = [f"reference: {row.reference_is}"] if row.reference_is else []
    parts += [f"{check.what}{'' if check.passed else ' **does not hold**'}" for check in row.checks]
    parts += [row.note] if row.note else []
    return f"- {row.target}, {row.what}: {'; '.join(parts)}."


def page(result: dict[str, Any], command: str, title: str) -> str:
    """The Markdown page of a whole run."""
    env = result["environment"]
    packages = ", ".join(f"{name} {number}" for name, number in env["packages"].items() if number)
    lines = [
        f"# {title}",
        "",
        f"`{command}`, {env['date']}, commit {env['commit']}, {result['minutes']} minutes.",
        "",
        f"{env['processor']}, {env['cores']} cores, {env['memory_gb']} GB, {env['system']}; Python {env['python']}, "
        f"{packages}. Load before {env['load']}, after {result['load_after']}.",
        "",
        "Medians [quartiles] over items, each with its fastest round. Reference and ours ran in turn; "
        "*ratio* is reference over ours of the same item. Times are process CPU time where one thread works, "
        "wall-clock time where several processes do.",
        "",
        table([Row.from_dict(row) for row in result["rows"]]),
    ]
    if result["failed"]:
        lines += ["Could not be measured:", "", *(f"- {f['name']}: {f['why']}" for f in result["failed"]), ""]
    return "\n".join(lines)
