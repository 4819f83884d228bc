"""Processes of this package: torchrun on this machine, on two hosts made of network namespaces, and faults.

The run is the smallest that has everything: a ResNet-18 of an eighth of its width on 12 of the demo's pictures.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

import codo
from benchmarks.pictures import photographs
from codo.core.run import Run
from codo.demo.synthetic.scenes import write_demo

STEPS = 30
AT = 7
"""The step after which something happens; checkpoints are saved after each fifth."""
PATIENCE = 240
MODEL = """
    model.backbone=resnet18 model.width=0.125 model.fpn_channels=16 model.head=1conv1fc model.head_dim=32
    model.embedding_dim=32
"""
PRETRAIN = f"{MODEL} canvas=64 batch_size=8 contrast.queue=64 contrast.bn_groups=4 optim.lr=0.05 probe=null"
FINETUNE = """
    model.backbone=resnet18 model.width=0.25 model.fpn_channels=16 model.head_dim=32 weights=none batch_size=4
    short_sides=[96] max_size=160 precise_bn=0 eval_every=100
"""
COMMON = f"device=cpu workers=0 steps={STEPS} checkpoint_every=5 log.every=1"


@dataclass(frozen=True)
class Inputs:
    """Pictures that all cases share."""

    catalog: Path
    labeled: Path

    @classmethod
    def made(cls, folder: Path) -> Inputs:
        """Draw them, once."""
        if not (folder / "catalog" / "catalog.parquet").is_file():
            codo.prepare(photographs(None, folder / "photographs", 12, 160)[0].parent, folder / "catalog")
        if not (folder / "labeled").is_dir():
            write_demo(folder / "labeled", size=128, objects=1, train=8, val=4)
        return cls(folder / "catalog", folder / "labeled")

    def arguments(self, verb: str, out: Path, *changes: str) -> list[str]:
        """Of ``codo``."""
        data = [f"foregrounds={self.catalog}", f"backgrounds=[{self.catalog}]", *PRETRAIN.split()]
        if verb == "finetune":
            data = ["-c", "finetune_laptop", f"data={self.labeled / 'detection'}", *FINETUNE.split()]
        return [verb, *data, *COMMON.split(), f"out={out}", *changes]


def torchrun(ranks: int, *options: str) -> list[str]:
    """The launcher."""
    return [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(ranks), *options, "-m", "codo.cli"]


ALONE = [sys.executable, "-m", "codo.cli"]


@dataclass
class Command:
    """A command that runs, whose output is kept in a file."""

    words: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        quiet = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.words,
                env={**os.environ, **quiet, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait(self, seconds: float = PATIENCE) -> int:
        """The exit code; whatever does not end is killed, with code 999."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            for pid in [self.process.pid, *descendants(self.process.pid)]:
                kill(pid, signal.SIGKILL)
            self.process.wait()
            return 999

    def reached(self, out: Path, step: int) -> None:
        """Return when the run has logged a step."""
        end, file = time.monotonic() + PATIENCE, out / "metrics.jsonl"
        while not (file.is_file() and f'"step": {step},' in file.read_text()):
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the run ended before step {step}: {self.log}")
            time.sleep(0.01)

    def rank(self, number: int) -> int:
        """The process of a rank."""
        for pid in descendants(self.process.pid):
            if variable(pid, "RANK") == str(number):
                return pid
        raise SystemExit(f"there is no rank {number}: {self.log}")

    def messages(self) -> list[str]:
        """What codo has said, three lines each."""
        lines = self.log.read_text(errors="replace").splitlines()
        return ["\n".join(lines[i : i + 3]) for i, line in enumerate(lines) if line.startswith("codo: ")]


def variable(pid: int, name: str) -> str:
    """An environment variable of a process."""
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    return next((word.decode().partition("=")[2] for word in words if word.startswith(f"{name}=".encode())), "")


def descendants(pid: int) -> list[int]:
    """Children, their children, and so on; parents first."""
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, file.read_text().split()):
            found += [child, *descendants(child)]
    return found


def kill(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def state(out: Path) -> dict[str, Any]:
    """The newest checkpoint."""
    found: dict[str, Any] = torch.load(Run(out).checkpoints()[-1], weights_only=True)
    return found


def same_bits(one: Path, other: Path) -> bool:
    """Whether weights, queues and optimizer of the last checkpoints are equal."""
    a, b = state(one), state(other)
    moments = [[entry["momentum_buffer"] for entry in each["optimizer"]["state"].values()] for each in (a, b)]
    pairs = [*((a["method"][name], b["method"][name]) for name in b["method"]), *zip(*moments, strict=True)]
    return a["step"] == b["step"] and all(torch.equal(x, y) for x, y in pairs)


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A disk in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def in_group(launcher: Sequence[str], rank: int, group: Path) -> list[str]:
    """The launcher, whose process of a rank begins in a control group."""
    group.mkdir(exist_ok=True)
    # torchrun takes arguments for templates, in which $$ is a $
    script = f'[ "$RANK" != {rank} ] || echo $$$$ > {group}/cgroup.procs; exec "$@"'
    place = launcher.index("-m", launcher.index("--nproc-per-node"))
    return [*launcher[:place], "--no-python", "sh", "-c", script, "sh", sys.executable, *launcher[place:]]


def limit_memory(group: Path, share: float) -> None:
    """End the processes of a control group, and give it a share of the memory that they had, without that of files."""
    old = (group / "memory.limit_in_bytes").exists()
    limit, name = ("memory.limit_in_bytes", "total_rss") if old else ("memory.max", "anon")
    counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    for pid in map(int, (group / "cgroup.procs").read_text().split()):
        kill(pid, signal.SIGKILL)
    while (group / "cgroup.procs").read_text():
        time.sleep(0.01)
    (group / limit).write_text(str(int(share * int(counts[name]))))


def memory_groups() -> Path:
    """Where groups with a memory limit are made: version 1 or 2."""
    old = Path("/sys/fs/cgroup/memory")
    return old if old.is_dir() else Path("/sys/fs/cgroup")


class Hosts:
    """Two network namespaces with a cable between them."""

    names = ("codo-a", "codo-b")
    addresses = ("10.213.0.1", "10.213.0.2")

    def __enter__(self) -> Hosts:
        self.__exit__()
        for name in self.names:
            ip("netns", "add", name)
        ip("link", "add", "codo-va", "netns", self.names[0], "type", "veth", "peer", "codo-vb", "netns", self.names[1])
        for name, cable, address in zip(self.names, ("codo-va", "codo-vb"), self.addresses, strict=True):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", cable)
            for device in (cable, "lo"):
                ip("-n", name, "link", "set", device, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def cable(self, state: str) -> None:
        """Pull the cable (``down``), or plug it in (``up``)."""
        ip("-n", self.names[1], "link", "set", "codo-vb", state)

    def command(self, host: int, ranks: int, arguments: Sequence[str], log: Path, *before: str) -> Command:
        """``torchrun`` on one of the hosts, in a mount namespace of its own."""
        rendezvous = ["--nnodes", "2", "--node-rank", str(host), "--rdzv-backend", "static"]
        rendezvous += ["--master-addr", self.addresses[0], "--master-port", "29517"]
        words = ["ip", "netns", "exec", self.names[host], *before, *torchrun(ranks, *rendezvous), *arguments]
        device = ("codo-va", "codo-vb")[host]
        return Command(words, log, {"GLOO_SOCKET_IFNAME": device})


def ip(*arguments: str) -> None:
    """Call ``ip``."""
    subprocess.run(["ip", *arguments], check=True)
