"""The command line that every benchmark module shares."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.report import table
from benchmarks.row import Row

Rows = Callable[[argparse.Namespace], Iterable[Row]]
Arguments = Callable[[argparse.ArgumentParser], None]


def run(description: str | None, rows: Rows, arguments: Arguments | None = None) -> None:
    """Parse the options, measure, print the table.

    Args:
        description: The module's docstring.
        rows: Measures; gets ``data`` (a folder of photographs or ``None``), ``smoke`` and its own options.
        arguments: Adds the module's own options.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of photographs (default: the demo's pictures)")
    parser.add_argument("--smoke", action="store_true", help="so little that only its running means something")
    parser.add_argument("--json", type=Path, help="write the rows here as well")
    if arguments:
        arguments(parser)
    options = parser.parse_args()
    if options.data and not options.data.is_dir():
        parser.error(f"--data: there is no folder {options.data}")
    measured = list(rows(options))
    print(table(measured))
    if options.json:
        options.json.write_text(json.dumps([row.as_dict() for row in measured]) + "\n", encoding="utf-8")
