"""The command; see the package."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks import rank_faults
from benchmarks.rank_faults.faults import (
    STANDALONE,
    Lab,
    Result,
    first_process,
    full_disk,
    killed,
    killed_before_the_first_checkpoint,
    out_of_memory,
    restarted,
    stopped,
    terminated,
)
from benchmarks.rank_faults.hosts import cut_off, not_shared, two_hosts
from benchmarks.rank_faults.lab import (
    ALONE,
    AT,
    Inputs,
)

CASES: dict[str, Callable[[Lab], Result]] = {
    "killed": lambda lab: killed(lab, 2, 1),
    "killed-main": lambda lab: killed(lab, 2, 0),
    "killed-of-four": lambda lab: killed(lab, 4, 2),
    "killed-early": killed_before_the_first_checkpoint,
    "killed-finetune": lambda lab: killed(lab, 2, 1, "finetune"),
    "restarted": restarted,
    "out-of-memory": out_of_memory,
    "stopped": lambda lab: stopped(lab, 1),
    "stopped-main": lambda lab: stopped(lab, 0),
    "full-disk": full_disk,
    "term": lambda lab: terminated(lab, signal.SIGTERM, everyone=False),
    "term-all": lambda lab: terminated(lab, signal.SIGTERM, everyone=True),
    "usr1": lambda lab: terminated(lab, signal.SIGUSR1, everyone=False),
    "usr1-all": lambda lab: terminated(lab, signal.SIGUSR1, everyone=True),
    "container": lambda lab: first_process(lab, ALONE, AT, 143, "codo"),
    "container-start": lambda lab: first_process(lab, ALONE, 0, 143, "codo"),
    "container-torchrun": lambda lab: first_process(lab, STANDALONE, AT, 1, "torchrun"),
    "two-hosts": lambda lab: two_hosts(lab, clocks=False),
    "clocks": lambda lab: two_hosts(lab, clocks=True),
    "cut-off": cut_off,
    "not-shared": not_shared,
}


def table(results: dict[str, Result]) -> str:
    """Rows of Markdown."""
    lines = [
        "| fault | ended after | exit codes | messages | kept | the same command again | |",
        "|---|---|---|---|---|---|---|",
    ]
    for result in results.values():
        said = "<br>".join(line.strip() for message in result.messages for line in message.splitlines()) or "none"
        row = [result.fault, f"{result.seconds:.1f} s", ", ".join(map(str, result.codes)), said, result.kept]
        lines.append(f"| {' | '.join([*row, result.after, 'as it should' if result.passed else '**NOT**'])} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=rank_faults.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder for everything")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of: {', '.join(CASES)} (default: all)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(CASES):
        parser.error(f"there is no case {min(unknown)}")
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    kept = out / "results.json"
    results = {name: Result(**found) for name, found in json.loads(kept.read_text()).items()} if kept.exists() else {}
    inputs = Inputs.made(out / "inputs")
    (out / "references").mkdir(exist_ok=True)
    for name in options.names or CASES:
        if name in results and results[name].passed:
            continue
        folder = out / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        results[name] = CASES[name](Lab(inputs, folder, out / "references"))
        print(name, results[name], flush=True)
        kept.write_text(json.dumps({name: asdict(result) for name, result in results.items()}, indent=1))
    print(table(results))
    return 0 if all(result.passed for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
