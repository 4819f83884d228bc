"""Faults of several processes, caused on purpose, with what the user sees and what the same command does next.

    python -m benchmarks.rank_faults OUT [NAME …]

Needs root on Linux: network namespaces, control groups and mounts are made and removed; libfaketime for clocks. What a
case has found is kept in OUT/results.json, and the case is not repeated when the command is called again. A case
passes if the fault has the right exit code and exactly the messages that it should have, and if afterwards the run is
bit-equal to one that nothing has disturbed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.rank_lab import (
    ALONE,
    AT,
    Command,
    Hosts,
    Inputs,
    descendants,
    kill,
    memory_groups,
    memory_limit,
    mounted,
    same_bits,
    torchrun,
)
from codo.core.run import Run

SOON = "distributed.timeout=15"
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


@dataclass
class Result:
    """What a case has found.

    Attributes:
        fault: What happened.
        seconds: From the fault until the last process had ended.
        codes: Exit codes of the commands.
        messages: What codo said.
        kept: The newest checkpoint after the fault.
        after: What the same command did next.
        passed: Whether everything was as it should be.
    """

    fault: str
    seconds: float
    codes: list[int]
    messages: list[str]
    kept: str
    after: str
    passed: bool


@dataclass
class Lab:
    """Where a case works.

    Attributes:
        inputs: Pictures.
        folder: Of the case, empty.
        references: Finished runs that nothing has disturbed.
    """

    inputs: Inputs
    folder: Path
    references: Path

    @property
    def out(self) -> Path:
        """The run."""
        return self.folder / "run"

    def start(self, launcher: list[str], verb: str = "pretrain", *changes: str, out: Path | None = None) -> Command:
        """Start a run."""
        return Command([*launcher, *self.inputs.arguments(verb, out or self.out, *changes)], self.folder / "log")

    def reference(self, verb: str, ranks: int) -> Path:
        """A run that nothing has disturbed."""
        out = self.references / f"{verb}-{ranks}"
        if not (out / "report.html").is_file():
            shutil.rmtree(out, ignore_errors=True)
            launcher = torchrun(ranks, "--standalone") if ranks > 1 else ALONE
            done = Command([*launcher, *self.inputs.arguments(verb, out)], self.references / f"{verb}-{ranks}.log")
            if done.wait():
                raise SystemExit(f"the undisturbed run failed: {done.log}")
        return out

    def judged(
        self,
        fault: str,
        commands: list[Command],
        began: float,
        *,
        codes: list[int],
        says: list[str],
        again: list[str] | None = None,
        verb: str = "pretrain",
        ranks: int = 2,
        out: Path | None = None,
    ) -> Result:
        """Wait for the end, give the same command again, and compare.

        Args:
            fault: What happened.
            commands: What was running.
            began: When it happened.
            codes: The exit codes that are right.
            says: A part of each message, in any order; there must be no other message.
            again: The launcher of the same command; ``None``: the run is complete already.
            verb: ``pretrain`` or ``finetune``.
            ranks: Number of processes of the undisturbed run.
            out: The run, if it is elsewhere.
        """
        out = out or self.out
        found = [command.wait() for command in commands]
        seconds = time.monotonic() - began
        messages = [message for command in commands for message in command.messages()]
        kept = max((path.name for path in Run(out).checkpoints()), default="nothing")
        after = "it has finished itself"
        if again is not None:
            start = f"resumed from step {int(kept[5:13])}" if kept != "nothing" else "started from the beginning"
            code = self.start(again, verb, out=out).wait()
            resumed = kept == "nothing" or start in (out / "train.log").read_text()
            after = f"{start if resumed else 'did not resume'}, exit code {code}"
        equal = (out / "report.html").is_file() and same_bits(out, self.reference(verb, ranks))
        right = len(messages) == len(says) and all(any(part in message for message in messages) for part in says)
        passed = found == codes and right and equal and "did not" not in after
        return Result(
            fault, round(seconds, 1), found, messages, kept, f"{after}; {'same' if equal else 'OTHER'} bits", passed
        )


STANDALONE = torchrun(2, "--standalone")
LOST = "is lost (killed, probably out of memory, or its host failed)"
SILENT = "is lost (no sign of life for 15 s"


def killed(lab: Lab, ranks: int, rank: int, verb: str = "pretrain") -> Result:
    launcher = torchrun(ranks, "--standalone")
    run = lab.start(launcher, verb)
    run.reached(lab.out, AT)
    began = time.monotonic()
    kill(run.rank(rank), signal.SIGKILL)
    fault = f"{verb}: rank {rank} of {ranks} killed by SIGKILL"
    return lab.judged(fault, [run], began, codes=[1], says=[LOST], again=launcher, verb=verb, ranks=ranks)


def killed_before_the_first_checkpoint(lab: Lab) -> Result:
    run = lab.start(STANDALONE)
    run.reached(lab.out, 1)
    began = time.monotonic()
    kill(run.rank(1), signal.SIGKILL)
    return lab.judged(
        "rank 1 killed before the first checkpoint", [run], began, codes=[1], says=[LOST], again=STANDALONE
    )


def restarted(lab: Lab) -> Result:
    run = lab.start(torchrun(2, "--standalone", "--max-restarts", "3"))
    for step in (AT, AT + 6):
        run.reached(lab.out, step)
        began = time.monotonic()
        kill(run.rank(1), signal.SIGKILL)
        time.sleep(2)
    return lab.judged("--max-restarts=3, rank 1 killed twice", [run], began, codes=[0], says=[LOST, LOST])


def out_of_memory(lab: Lab) -> Result:
    group = memory_groups() / "codo-rank-faults"
    run = lab.start(STANDALONE)
    run.reached(lab.out, AT)
    began = time.monotonic()
    memory_limit(run.rank(1), 2**20, group)
    result = lab.judged(
        f"rank 1 killed by the memory limit of its control group ({group.parent})",
        [run],
        began,
        codes=[1],
        says=[LOST],
        again=STANDALONE,
    )
    group.rmdir()
    return result


def stopped(lab: Lab, rank: int) -> Result:
    run = lab.start(STANDALONE, "pretrain", SOON)
    run.reached(lab.out, AT)
    began = time.monotonic()
    kill(run.rank(rank), signal.SIGSTOP)
    return lab.judged(f"rank {rank} hangs (SIGSTOP), {SOON}", [run], began, codes=[1], says=[SILENT], again=STANDALONE)


def full_disk(lab: Lab) -> Result:
    with mounted(lab.folder / "disk", "16m") as disk:
        out = disk / "run"
        run = lab.start(STANDALONE, out=out)
        run.reached(out, AT)
        began = time.monotonic()
        with suppress_full(disk / "filler"):
            code = run.wait()
        result = lab.judged(
            "the disk of out= is full", [run], began, codes=[1], says=["No space left"], again=STANDALONE, out=out
        )
        return result if code == 1 else Result(**{**asdict(result), "passed": False})


class suppress_full:  # a context
    """A file that takes what a disk has left."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        with self.path.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"0" * 4096)
            except OSError:
                pass

    def __exit__(self, *_: object) -> None:
        self.path.unlink()


def terminated(lab: Lab, number: signal.Signals, everyone: bool) -> Result:
    launcher = torchrun(2, "--standalone", "--signals-to-handle", "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1")
    run = lab.start(launcher, "pretrain", "workers=1")
    run.reached(lab.out, AT)
    began = time.monotonic()
    for pid in [run.process.pid, *(descendants(run.process.pid) if everyone else [])]:
        kill(pid, number)
    who = "to every process, as Slurm does" if everyone else "to torchrun"
    return lab.judged(
        f"{number.name} {who}", [run], began, codes=[1], says=[f"stopped by {number.name} after step"], again=launcher
    )


def first_process(lab: Lab, launcher: list[str], step: int, code: int, name: str) -> Result:
    """What Kubernetes does: SIGTERM to the first process of a container, SIGKILL after the grace time."""
    inside = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    run = lab.start([*inside, *launcher])
    if step:
        run.reached(lab.out, step)
    else:
        time.sleep(6)
    began = time.monotonic()
    kill(descendants(run.process.pid)[0], signal.SIGTERM)
    says = ["stopped by SIGTERM after step" if step else "stopped by SIGTERM"]
    return lab.judged(
        f"SIGTERM to {name} as process 1 of a container, {f'after step {step}' if step else 'while it starts'}",
        [run],
        began,
        codes=[code],
        says=says,
        again=launcher,
        ranks=1 if launcher == ALONE else 2,
    )


def two_hosts(lab: Lab, clocks: bool) -> Result:
    before = ["env", f"LD_PRELOAD={FAKETIME}", "FAKETIME=+100d x1.001", "FAKETIME_DONT_FAKE_MONOTONIC=1"]
    # The second host may write nowhere but to a few pages for torchrun's own folder.
    (tmp := lab.folder / "tmp").mkdir()
    only_reads = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]
    only_reads += [
        f'mount -t tmpfs -o size=64k tmpfs {tmp} && mount -o remount,bind,ro / && TMPDIR={tmp} exec "$@"',
        "sh",
    ]
    arguments = lab.inputs.arguments("pretrain", lab.out)
    with Hosts() as hosts:
        began = time.monotonic()
        a = hosts.command(0, 1, arguments, lab.folder / "a.log")
        b = hosts.command(1, 1, arguments, lab.folder / "b.log", *(before if clocks else only_reads))
        fault = (
            "two hosts, whose clocks are 100 days apart and differ in rate"
            if clocks
            else ("two hosts, the second with a read-only disk and 64 kB for TMPDIR")
        )
        return lab.judged(fault, [a, b], began, codes=[0, 0], says=[])


def cut_off(lab: Lab) -> Result:
    arguments = lab.inputs.arguments("pretrain", lab.out, SOON)
    with Hosts() as hosts:
        both = [hosts.command(host, 2, arguments, lab.folder / f"{host}.log") for host in (0, 1)]
        both[0].reached(lab.out, AT)
        began = time.monotonic()
        hosts.cable("down")
        codes = [command.wait() for command in both]
        seconds = time.monotonic() - began
        kept = max(path.name for path in Run(lab.out).checkpoints())
        messages = [message for command in both for message in command.messages()]
        hosts.cable("up")
        again = [hosts.command(host, 2, arguments, lab.folder / f"{host}.log") for host in (0, 1)]
        result = lab.judged("", again, began, codes=[0, 0], says=["ranks 2, 3 of 4 are lost", "cannot reach"], ranks=4)
    return Result(
        f"two hosts of two ranks, the cable pulled; {SOON}",
        round(seconds, 1),
        codes,
        messages,
        kept,
        f"resumed from step {int(kept[5:13])} when the cable was back, on both hosts; {result.after.split('; ')[1]}",
        result.passed and codes == [1, 1],
    )


def not_shared(lab: Lab) -> Result:
    """The second host has another disk at the place of ``out=``."""
    run = lab.start(STANDALONE)
    run.reached(lab.out, AT)
    kill(run.process.pid, signal.SIGTERM)
    run.wait()
    (lab.folder / "log").unlink()
    away = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]
    away += [f'mount -t tmpfs tmpfs {lab.out}; exec "$@"', "sh"]
    arguments = lab.inputs.arguments("pretrain", lab.out)
    with Hosts() as hosts:
        began = time.monotonic()
        a = hosts.command(0, 1, arguments, lab.folder / "a.log")
        b = hosts.command(1, 1, arguments, lab.folder / "b.log", *away)
        return lab.judged(
            "out= is not on a disk that both hosts share",
            [a, b],
            began,
            codes=[1, 1],
            says=["rank 1 no checkpoint"],
            again=STANDALONE,
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
