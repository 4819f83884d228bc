"""Does anything grow in hours of pretraining? Memory, descriptors, threads, shared memory and the time of a step.

    python -m benchmarks.long_run [--minutes 120] [--data DIR] [--out FOLDER] [setting=value ...]
    python -m benchmarks.long_run --out FOLDER --table

Runs ``codo pretrain -c laptop`` with two loader workers, whose process and children are looked at every ten seconds
(Linux: ``/proc``), and ends it by SIGTERM. A second start goes on. The first sixth of the samples is left out: in it
caches fill and the allocator finds its size. Medians of the next sixth and of the last are compared. On a machine that
does other work the time of a step on the clock says little; that on the processor is shown beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.pictures import photographs

EVERY = 10.0
"""Seconds between two samples."""
WORKERS = 2
TOLERANCE = 0.02
TICKS = os.sysconf("SC_CLK_TCK")
NAMES = {
    "memory_mb": "memory of all processes without files, MB",
    "descriptors": "open descriptors of all processes",
    "threads": "threads of all processes",
    "processes": "processes",
    "shared_mb": "files in shared memory (/dev/shm), MB",
    "step_ms": "step on the clock, ms",
    "cpu_ms": "step on the processor, ms",
}
Sample = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of photographs (default: the demo's pictures)")
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--out", type=Path, default=Path("long_run"))
    parser.add_argument("--table", action="store_true", help="only print the table of what was measured")
    parser.add_argument("settings", nargs="*", help="further settings of codo pretrain")
    options = parser.parse_args()
    if not options.table:
        code = watch(options.out, options.minutes, options.data, options.settings)
        print(f"exit code after SIGTERM: {code}")
    lines = (options.out / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    rows, flat = compare([json.loads(line) for line in lines])
    print("\n".join(rows))
    return 0 if flat else 1


def watch(out: Path, minutes: float, data: Path | None, settings: Sequence[str]) -> int:
    """Train for some minutes while taking samples; returns the exit code after SIGTERM."""
    codo = [sys.executable, "-m", "codo.cli"]
    if not (out / "catalog").exists():
        photographs(data, out / "pictures", 400)
        subprocess.run([*codo, "prepare", str(out / "pictures"), "--out", str(out / "catalog")], check=True)
    pools = [f"foregrounds={out / 'catalog'}", f"backgrounds=[{out / 'catalog'}]", f"workers={WORKERS}"]
    command = [*codo, "pretrain", "-c", "laptop", *pools, "steps=100000000", f"out={out / 'run'}", *settings]
    with (out / "output.log").open("ab") as log, (out / "samples.jsonl").open("a", encoding="utf-8") as samples:
        child = subprocess.Popen(command, stdout=log, stderr=log)
        end = time.monotonic() + 60 * minutes
        try:
            while time.monotonic() < end and child.poll() is None:
                time.sleep(EVERY)
                if (found := sample(child.pid, out / "run/metrics.jsonl")) is not None:
                    samples.write(json.dumps(found) + "\n")
                    samples.flush()
        finally:
            child.send_signal(signal.SIGTERM)
        return child.wait()


def sample(pid: int, log: Path) -> Sample | None:
    """What a process and its descendants use now; ``None`` before the first step and when one of them just ended."""
    try:
        step = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["step"]
        members = [Path("/proc") / str(one) for one in tree(pid)]
        # Their own memory: the share of pages of libraries depends on who else has them loaded.
        memory = sum(
            kilobytes(member / "smaps_rollup", kind) for member in members for kind in ("Pss_Anon:", "Pss_Shmem:")
        )
        threads = sum(kilobytes(member / "status", "Threads:") for member in members)
        fields = [(member / "stat").read_text().rpartition(")")[2].split() for member in members]
        descriptors = sum(len(os.listdir(member / "fd")) for member in members)
    except (OSError, IndexError, ValueError):
        return None
    of_parent = fields[0]
    ended = sum(int(of_parent[index]) for index in (13, 14))  # children that were waited for
    ticks = sum(int(one[11]) + int(one[12]) for one in fields) + ended
    shared = os.statvfs("/dev/shm")
    return {
        "seconds": time.monotonic(),
        "step": step,
        "cpu_s": ticks / TICKS,
        "memory_mb": memory / 1024,
        "descriptors": descriptors,
        "threads": threads,
        "processes": len(members),
        "shared_mb": (shared.f_blocks - shared.f_bfree) * shared.f_frsize / 1e6,
    }


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in tree(int(child)))]


def kilobytes(file: Path, name: str) -> int:
    """The number behind a name in a file of ``/proc``."""
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith(name))


def compare(samples: Sequence[Sample]) -> tuple[list[str], bool]:
    """A table of the second sixth against the last, and whether all but the clock is flat."""
    sixth = len(samples) // 6
    early, late = samples[sixth : 2 * sixth], samples[-sixth:]
    hours = (samples[-1]["seconds"] - samples[0]["seconds"]) / 3600
    rows = [
        f"{len(samples)} samples in {hours:.2f} h, steps {samples[0]['step']:,} to {samples[-1]['step']:,}",
        "",
        "| | second sixth | last sixth | change |",
        "|---|---|---|---|",
    ]
    flat = True
    for name, words in NAMES.items():
        before, after = (value(part, name) for part in (early, late))
        change = after / before - 1 if before else 0.0
        flat = flat and (name == "step_ms" or change <= TOLERANCE)
        rows.append(f"| {words} | {before:.4g} | {after:.4g} | {change:+.1%} |")
    return rows, flat


def value(part: Sequence[Sample], name: str) -> float:
    """Median of a quantity, or the mean cost of a step between the first and last sample."""
    if name not in ("step_ms", "cpu_ms"):
        return statistics.median(one[name] for one in part)
    clock = "seconds" if name == "step_ms" else "cpu_s"
    return 1e3 * (part[-1][clock] - part[0][clock]) / (part[-1]["step"] - part[0]["step"])


if __name__ == "__main__":
    sys.exit(main())
