"""Run the harness, or summarize its record; see the package."""

from __future__ import annotations

import argparse
from pathlib import Path

import benchmarks.endurance as package
from benchmarks.endurance.record import Record, summary, write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=package.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where everything is kept")
    parser.add_argument("--seed", type=int, default=16, help="of all moments")
    parser.add_argument("--case", help="the only command to run")
    parser.add_argument("--most", type=int, help="kills of each command, if fewer than planned")
    parser.add_argument("--repeat", metavar="CASE", help="count no kill of this command so far")
    parser.add_argument("--summary", action="store_true", help="print the tables, and run nothing")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the kills that count, and run nothing")
    options = parser.parse_args()
    out = options.out.absolute()
    if options.csv:
        write_table(Record(out / "kills.jsonl"), options.csv)
        return
    if options.summary:
        print(summary(Record(out / "kills.jsonl")))
        return

    from benchmarks.endurance.cases import cases
    from benchmarks.endurance.chains import Harness
    from codo.core.version import commit

    known = [case.name for case in cases()]
    for name in (options.case, options.repeat):
        if name and name not in known:
            parser.error(f"there is no command {name!r}; known: {', '.join(map(repr, known))}")
    harness = Harness(out, options.seed, (commit() or "unknown")[:12])
    if options.repeat:
        harness.record.add({"repeat": options.repeat})
    harness.run(options.case, options.most)
    print(summary(harness.record))


if __name__ == "__main__":
    main()
