"""Faults of two hosts, which are network namespaces."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from benchmarks.rank_faults.faults import SOON, STANDALONE, Lab, Result
from benchmarks.rank_faults.lab import (
    AT,
    Hosts,
    kill,
)
from codo.core.run import Run


def two_hosts(lab: Lab, clocks: bool) -> Result:
    clock = lab.folder / "clock.so"
    if clocks:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", clock, Path(__file__).with_name("clock_ahead.c")], check=True)
    before = ["env", f"LD_PRELOAD={clock}"]
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
            "two hosts, whose clocks are 100 days apart"
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
