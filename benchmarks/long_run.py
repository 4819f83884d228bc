"""Does anything grow in hours of pretraining? Memory, descriptors, threads, shared memory and the time of a step.

    python -m benchmarks.long_run [--minutes 120] [--data DIR] [--out FOLDER] [--rounds 20] [setting=value ...]
    python -m benchmarks.long_run --out FOLDER --table

Runs ``codo pretrain -c laptop`` with two loader workers, whose process and children are looked at every ten seconds
(Linux: ``/proc``), and ends it by SIGTERM. A second start goes on. The first sixth of the samples is left out: in it
caches fill and the allocator finds its size. Medians of the next sixth and of the last are compared.

On a machine that does other work the time of a step after two hours says little beside that of the first minutes. So at
the end the same command is started anew beside the old processes, and the two take turns, one stopped while the other
one trains: the ratio of their times of a step is that of an old process to a young one on the same machine.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.pictures import photographs

EVERY = 10.0
"""Seconds between two samples."""
TURN, WARM_UP = 15.0, 90.0
"""Seconds for which one of the two trains while the other one is stopped, and for which the young one trains first."""
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
    parser.add_argument("--rounds", type=int, default=20, help="turns of the old and a young process at the end")
    parser.add_argument("--table", action="store_true", help="only print the table of what was measured")
    parser.add_argument("settings", nargs="*", help="further settings of codo pretrain")
    options = parser.parse_args()
    if not options.table:
        code = watch(options.out, options.minutes, options.data, options.rounds, options.settings)
        print(f"exit code after SIGTERM: {code}")
    rows, flat = compare(read(options.out / "samples.jsonl"))
    print("\n".join(rows))
    if turns := read(options.out / "turns.jsonl"):
        print("\n".join(ratios(turns)))
    return 0 if flat else 1


def read(file: Path) -> list[Sample]:
    """The lines of a file of JSON; none if there is no such file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def watch(out: Path, minutes: float, data: Path | None, rounds: int, settings: Sequence[str]) -> int:
    """Train for some minutes while taking samples; returns the exit code after SIGTERM."""
    if not (out / "catalog").exists():
        photographs(data, out / "pictures", 400)
        prepare = [sys.executable, "-m", "codo.cli", "prepare", str(out / "pictures"), "--out", str(out / "catalog")]
        subprocess.run(prepare, check=True)
    child = start(out, "run", settings)
    with (out / "samples.jsonl").open("a", encoding="utf-8") as samples:
        end = time.monotonic() + 60 * minutes
        try:
            while time.monotonic() < end and child.poll() is None:
                time.sleep(EVERY)
                if (found := sample(child.pid, out / "run/metrics.jsonl")) is not None:
                    samples.write(json.dumps(found) + "\n")
                    samples.flush()
            if rounds and child.poll() is None:
                take_turns(out, child, rounds, settings)
        finally:
            child.send_signal(signal.SIGTERM)
        return child.wait()


def start(out: Path, name: str, settings: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start the run ``name``, or go on with it."""
    pools = [f"foregrounds={out / 'catalog'}", f"backgrounds=[{out / 'catalog'}]", f"workers={WORKERS}"]
    always = ["steps=100000000", "log.every=2", f"out={out / name}"]  # a turn has to have many lines of the log
    command = [sys.executable, "-m", "codo.cli", "pretrain", "-c", "laptop", *pools, *settings, *always]
    with (out / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def take_turns(out: Path, old: subprocess.Popen[bytes], rounds: int, settings: Sequence[str]) -> None:
    """Let the old processes and young ones of the same command train in turn; a line for each turn."""
    name = "young"
    while (out / name).exists():
        name += "er"
    to_all(old.pid, signal.SIGSTOP)
    young = start(out, name, settings)
    try:
        time.sleep(WARM_UP)
        to_all(young.pid, signal.SIGSTOP)
        logs = {"old": (old.pid, out / "run/metrics.jsonl"), "young": (young.pid, out / name / "metrics.jsonl")}
        with (out / "turns.jsonl").open("w", encoding="utf-8") as turns:
            for _ in range(rounds):
                found = {
                    f"{which}_{key}": value
                    for which in random.sample(list(logs), k=2)
                    for key, value in turn(*logs[which]).items()
                }
                turns.write(json.dumps(found) + "\n")
                turns.flush()
    finally:
        to_all(young.pid, signal.SIGKILL)
        young.wait()
        to_all(old.pid, signal.SIGCONT)


def turn(pid: int, log: Path) -> Sample:
    """Wake a run, let it train, stop it again: its time of a step on the clock and on the processor, in ms."""
    to_all(pid, signal.SIGCONT)
    time.sleep(1)
    before = sample(pid, log)
    time.sleep(TURN)
    after = sample(pid, log)
    to_all(pid, signal.SIGSTOP)
    if before is None or after is None or after["step"] < before["step"] + 20:
        raise RuntimeError(f"{log}: fewer than 20 steps in {TURN:.0f} s")
    return {name: value([before, after], name) for name in ("step_ms", "cpu_ms")}


def to_all(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process and all its descendants; those that have ended meanwhile are left out."""
    with suppress(FileNotFoundError):
        for one in tree(pid):
            with suppress(ProcessLookupError):
                os.kill(one, number)


def ratios(turns: Sequence[Sample]) -> list[str]:
    """Lines on the old process beside a young one: the ratio of a step's times, with a 95% interval of its median."""
    rows = ["", f"{len(turns)} turns of {TURN:.0f} s: a step of the old process beside one of a young process"]
    for name in ("step_ms", "cpu_ms"):
        found = sorted(one[f"old_{name}"] / one[f"young_{name}"] for one in turns)
        # Ranks of the binomial distribution of one half.
        reach = 1.96 * math.sqrt(len(found)) / 2
        low, high = (found[min(len(found) - 1, max(0, round(len(found) / 2 + sign * reach - 0.5)))] for sign in (-1, 1))
        rows.append(f"{NAMES[name]}: {statistics.median(found):.3f} ({low:.3f} to {high:.3f})")
    return rows


def sample(pid: int, log: Path) -> Sample | None:
    """What a process and its descendants use now; ``None`` before the first step and when one of them just ended."""
    try:
        step = last_step(log)
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


def last_step(log: Path) -> int:
    """The step of the last whole line of a log."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 65536))
        return int(json.loads(file.read().rpartition(b"\n")[0].rpartition(b"\n")[2])["step"])


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
