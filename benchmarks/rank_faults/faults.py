"""Faults of processes on one host: what a case finds, and the cases."""

from __future__ import annotations

import shutil
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.rank_faults.lab import (
    ALONE,
    AT,
    Command,
    Inputs,
    descendants,
    in_group,
    kill,
    limit_memory,
    memory_groups,
    mounted,
    same_bits,
    torchrun,
)
from codo.core.run import Run

SOON = "distributed.timeout=15"


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
    """While it starts, and torchrun tells of it: later, a process of this size asks for no more memory."""
    group = memory_groups() / "codo-rank-faults"
    launcher = in_group(STANDALONE, 1, group)
    first = lab.start(launcher)
    first.reached(lab.out, AT)
    limit_memory(group, 0.9)
    first.wait()
    shutil.rmtree(lab.out)
    first.log.unlink()
    began = time.monotonic()
    run = lab.start(launcher)
    fault = f"rank 1 has nine tenths of the memory that it needs (limit of its control group, {group.parent})"
    result = lab.judged(fault, [run], began, codes=[1], says=["stopped by SIGTERM"], again=STANDALONE)
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
        with DiskFull(disk / "filler"):
            code = run.wait()
        result = lab.judged(
            "the disk of out= is full", [run], began, codes=[1], says=["No space left"], again=STANDALONE, out=out
        )
        return result if code == 1 else Result(**{**asdict(result), "passed": False})


class DiskFull:
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
