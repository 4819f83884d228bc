"""The state of the harness, a line of JSON for each kill and for each chain that was compared, and its summary.

``{"chain": 17, "case": "finetune", "kill": 2, "fault": "SIGKILL", "moment": "CPU 0.82 s", "code": -9, …}`` is a kill;
``{"chain": 17, "case": "finetune", "compared": true, "violations": []}`` ends a chain: kills of a chain without it do
not count, and the chain is done again. ``{"repeat": "finetune"}``: no chain of this case counts that was before.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Record:
    """The state file.

    Args:
        path: ``kills.jsonl``; a line that a kill of the harness has cut off is dropped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[Row] = []
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            if text and not text.endswith("\n"):
                text = text[: text.rfind("\n") + 1]
                path.write_text(text, encoding="utf-8")
            self.rows = [json.loads(line) for line in text.splitlines()]

    def add(self, *rows: Row) -> None:
        """Append rows, and bring them to disk."""
        self.rows += rows
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
            file.flush()
            os.fsync(file.fileno())

    def chains(self) -> int:
        """Number for the next chain: none is used twice, so no chain draws the moments of another one."""
        return 1 + max((row["chain"] for row in self.rows if "chain" in row), default=-1)

    def counted(self) -> list[Row]:
        """The kills that count: of compared chains, after the last ``repeat`` of their case."""
        begins = {row["repeat"]: i for i, row in enumerate(self.rows) if "repeat" in row}
        compared = {row["chain"] for row in self.rows if row.get("compared")}
        return [
            row
            for i, row in enumerate(self.rows)
            if "kill" in row and row["chain"] in compared and i > begins.get(row["case"], -1)
        ]

    def superseded(self) -> int:
        """Kills of compared chains that were repeated after a fix."""
        compared = {row["chain"] for row in self.rows if row.get("compared")}
        return sum("kill" in row and row["chain"] in compared for row in self.rows) - len(self.counted())

    def violations(self, counted_only: bool = True) -> list[Row]:
        """The chains with violations."""
        chains = {row["chain"] for row in self.counted()}
        found = [row for row in self.rows if row.get("violations")]
        return [row for row in found if not counted_only or row["chain"] in chains]


COLUMNS = ("chain", "kill", "case", "fault", "moment", "process", "fresh", "code", "commit")


def write_table(record: Record, file: Path) -> None:
    """The kills that count as CSV: with the seed, a chain's number gives its moments again."""
    with file.open("w", encoding="utf-8", newline="") as output:
        table = csv.DictWriter(output, COLUMNS, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(record.counted())


def summary(record: Record) -> str:
    """The tables of the record, as Markdown."""
    kills = record.counted()
    faults = list(dict.fromkeys(row["fault"] for row in kills))
    names = list(dict.fromkeys(row["case"] for row in kills))
    counts = Counter((row["case"], row["fault"]) for row in kills)
    chains = {name: len({row["chain"] for row in kills if row["case"] == name}) for name in names}
    lines = [
        _row(["command", *faults, "kills", "compared"]),
        _row(["---"] * (len(faults) + 3)),
        *(
            _row([name, *(counts[name, fault] for fault in faults), sum(counts[name, f] for f in faults), chains[name]])
            for name in names
        ),
        _row(["all", *(sum(counts[n, f] for n in names) for f in faults), len(kills), sum(chains.values())]),
        "",
        "| fault | exit code | kills | message |",
        "| --- | --- | --- | --- |",
        *_outcomes(kills),
        "",
        f"Kills by process: {_counted(row['process'] for row in kills)}; by moment: "
        f"{_counted(_moment(row['moment']) for row in kills)}.",
        f"Second commands while one was stopped: {_counted(_second(row) for row in kills if 'second' in row)}.",
        f"Commits: {_counted(row['commit'] for row in kills)}. Repeated after a fix: {record.superseded()} kills.",
        f"Chains with violations: {len(record.violations())} (before fixes: "
        f"{len(record.violations(False)) - len(record.violations())}).",
    ]
    return "\n".join(lines)


def _moment(words: str) -> str:
    """``CPU 0.82 s`` -> ``CPU``; of a disk, how little space it had is no kind."""
    return "disk full" if words.endswith("bytes free") else words.split()[0]


def _outcomes(kills: Iterable[Mapping[str, Any]]) -> list[str]:
    counts: Counter[tuple[str, int, str]] = Counter()
    for row in kills:
        counts[row["fault"], row["code"], _kind(row["message"])] += 1
    return [_row([fault, code, count, message or "none"]) for (fault, code, message), count in sorted(counts.items())]


def _kind(message: str) -> str:
    """A message without its numbers, so that the same kind is counted once."""
    import re

    return re.sub(r"\d+", "N", message).split("\n")[0][:110]


def _second(row: Mapping[str, Any]) -> str:
    code, message = row["second"]
    return f"exit code {code}" + (f" ({_kind(message)})" if message else "")


def _counted(values: Iterable[str]) -> str:
    return ", ".join(f"{value} {count}" for value, count in Counter(values).most_common())


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
