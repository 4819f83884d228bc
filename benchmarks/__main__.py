"""Run benchmarks one after the other, each in a process of its own, and keep their rows.

    python -m benchmarks [NAME …] [--data DIR] [--out DIR] [--gpu] [--smoke]

Without ``--out`` the table is only printed. A benchmark that fails or hangs costs its rows, not the others; the exit
code is 1 if one did. Whether a row passes does not change the exit code: the table says so.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import opencv_contrib
from benchmarks.environment import environment, load
from benchmarks.registry import CPU, GPU, Entry
from benchmarks.report import page


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    parser.add_argument("--data", type=Path, help="a folder of photographs (default: the demo's pictures)")
    parser.add_argument("--out", type=Path, help="write bench-cpu.json and bench-cpu.md (or -gpu) here")
    parser.add_argument("--gpu", action="store_true", help="the rows of a GPU in place of those of a CPU")
    parser.add_argument("--smoke", action="store_true", help="see that everything runs; the numbers mean nothing")
    options = parser.parse_args()
    entries = {entry.name: entry for entry in (GPU if options.gpu else CPU)}
    unknown = [name for name in options.names if name not in entries]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; known: {', '.join(entries)}")
    result = measure([entries[name] for name in options.names or entries], options)

    kind = "gpu" if options.gpu else "cpu"
    text = page(result, _command(kind, options), f"Benchmarks: {kind.upper()}")
    print(f"\n{text}")
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / f"bench-{kind}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        (options.out / f"bench-{kind}.md").write_text(text, encoding="utf-8")
    return 1 if result["failed"] else 0


def measure(entries: list[Entry], options: argparse.Namespace) -> dict[str, Any]:
    """Run the entries; see report.py for what comes back."""
    result: dict[str, Any] = {"environment": environment(), "rows": [], "failed": []}
    began = time.perf_counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        python: Path | None = None
        if any(entry.opencv for entry in entries):
            print("installing OpenCV contrib into a throw-away environment", flush=True)
            try:
                python = stack.enter_context(opencv_contrib.environment())
            except subprocess.CalledProcessError as error:
                print(f"that failed: {error}", flush=True)
        for entry in entries:
            print(f"== {entry.name}, at {(time.perf_counter() - began) / 60:.1f} min", flush=True)
            why = "OpenCV contrib could not be installed"
            if not entry.opencv or python:
                rows, why = run(entry, options, folder / f"{entry.name}.json", python)
                result["rows"] += rows
            if why:
                print(f"failed: {why}", flush=True)
                result["failed"].append({"name": entry.name, "why": why})
    result |= {"minutes": round((time.perf_counter() - began) / 60, 1), "load_after": load()}
    return result


def run(entry: Entry, options: argparse.Namespace, file: Path, python: Path | None) -> tuple[list[Any], str]:
    """Rows of one entry, and why there are none."""
    command = [sys.executable, "-m", f"benchmarks.{entry.module}", *entry.arguments, "--json", str(file)]
    command += ["--data", str(options.data)] if options.data else []
    command += ["--smoke"] if options.smoke else []
    command += ["--opencv", str(python)] if entry.opencv else []
    try:
        done = subprocess.run(command, cwd=Path(__file__).parents[1], timeout=60 * entry.minutes, check=False)
    except subprocess.TimeoutExpired:
        return [], f"took more than {entry.minutes:g} minutes"
    if done.returncode:
        return [], f"exit code {done.returncode}"
    return json.loads(file.read_text(encoding="utf-8")), ""


def _command(kind: str, options: argparse.Namespace) -> str:
    if options.names or options.smoke:
        return shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    data = " DATA=…" if options.data else ""
    return f"make bench{data}" if kind == "cpu" else f"make bench-gpu{data}"


if __name__ == "__main__":
    sys.exit(main())
