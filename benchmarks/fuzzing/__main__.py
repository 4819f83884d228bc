"""Hostile input by fuzzing: thousands of mutants of small valid files, through the entry points that read such files.

    python -m benchmarks.fuzzing [FORMAT …] [--mutants 10000] [--seed 0] [--out DIR] [--batch 500]

Seeds are made here. Each batch goes to a process of its own, with limits on memory and time, in a scratch folder that
is compared before and after; connections, other programs and writing elsewhere are refused and recorded (``guard.py``).
What is finished is kept in ``DIR/results.jsonl``, so that the same command goes on. A mutant that breaks a rule is kept
in ``DIR/failures``, outside of the repository, and told in a line.

The exit code is 1 if a rule was broken.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.batches import Batch, make
from benchmarks.fuzzing.formats import ACCEPTED, CRASH, FAILURE, GOOD, HANG, REFUSED, REJECTED, Format
from benchmarks.fuzzing.registry import FORMATS
from codo.core.version import commit

COLUMNS = (REFUSED, REJECTED, ACCEPTED, FAILURE, CRASH, HANG)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=f"which (default: all of {', '.join(FORMATS)})")
    parser.add_argument("--mutants", type=int, default=10_000, help="of each format")
    parser.add_argument("--seed", type=int, default=0, help="other mutants")
    parser.add_argument("--out", type=Path, default=Path("fuzzing_out"), help="results, seeds and scratch")
    parser.add_argument("--batch", type=int, default=500, help="mutants of a process")
    options = parser.parse_args()
    if unknown := [name for name in options.formats if name not in FORMATS]:
        parser.error(f"there is no format {unknown[0]}; known: {', '.join(FORMATS)}")
    options.out = options.out.absolute()
    options.out.mkdir(parents=True, exist_ok=True)
    results = options.out / "results.jsonl"
    for name in options.formats or FORMATS:
        fuzz(FORMATS[name], options, results)
    rows = [row for row in finished(results) if not options.formats or row["format"] in options.formats]
    print(table(rows))
    return 1 if any(row["counts"].get(kind) for row in rows for kind in (FAILURE, CRASH, HANG)) else 0


def fuzz(form: Format, options: argparse.Namespace, results: Path) -> None:
    """Run the batches of a format that are missing."""
    seeds = seed_files(form, options.out / "seeds" / form.name)
    contents = [path.read_bytes() for path in seeds]
    done = {row["batch"] for row in finished(results) if row["format"] == form.name}
    for number in range(-(-options.mutants // options.batch)):
        name = f"{options.seed}/{options.batch}/{number}"
        if name in done:
            continue
        began = time.monotonic()
        mutants = make(form, contents, name, min(options.batch, options.mutants - number * options.batch))
        batch = Batch(form, seeds, options.out / "scratch" / form.name)
        given = batch.write(mutants)
        outcomes = batch.run(given)
        for one, outcome in zip(given, outcomes, strict=True):
            if outcome.kind not in GOOD:
                kept = options.out / "failures" / form.name / f"{name.replace('/', '-')}-{one.path.name}"
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(one.path, kept)
                print(f"{form.name}: {outcome.kind}: {outcome.why} ({kept.name})", flush=True)
        counts = Counter(outcome.kind for outcome in outcomes)
        row = {"format": form.name, "batch": name, "counts": counts, "commit": commit()}
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row | {"seconds": round(time.monotonic() - began, 1)}) + "\n")
        print(f"{form.name} {name}: {dict(counts)} in {time.monotonic() - began:.0f} s", flush=True)


def seed_files(form: Format, folder: Path) -> list[Path]:
    """The valid files of a format, made at the first call."""
    if not (folder / "complete").is_file():  # catalogs have absolute paths, so they are made in place
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        form.seeds(folder)
        (folder / "complete").touch()
    return sorted(path for path in folder.iterdir() if path.suffix == form.suffix)


def finished(results: Path) -> list[dict[str, Any]]:
    """The finished batches."""
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()] if results.exists() else []


def table(rows: list[dict[str, Any]]) -> str:
    """One line a format: what became of its mutants, and the commits it was seen with."""
    lines = [f"| format | mutants | {' | '.join(COLUMNS)} | commit |", f"|---|{'---|' * (len(COLUMNS) + 2)}"]
    for name in dict.fromkeys(row["format"] for row in rows):
        mine = [row for row in rows if row["format"] == name]
        counts = sum((Counter(row["counts"]) for row in mine), Counter[str]())
        commits = ", ".join(dict.fromkeys(str(row["commit"])[:7] for row in mine))
        numbers = " | ".join(f"{counts[kind]:,}" for kind in COLUMNS)
        lines.append(f"| {name} | {counts.total():,} | {numbers} | {commits} |")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
