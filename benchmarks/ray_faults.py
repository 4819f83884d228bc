"""``codo prepare --engine ray`` while workers, nodes, disks and Ray itself fail; each fault is caused on purpose.

    python -m benchmarks.ray_faults [--data DIR] [FAULT ...]

Needs root, for a node in a mount namespace of its own. After each fault it prints the exit code, the lines that the
user sees, how many chunks were kept, and whether the same command then gives the bytes of the local engine.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.pictures import photographs

RAY = [sys.executable, "-m", "ray.scripts.scripts"]
TASK = "ray::process_chunk"
MARK = f"CODO_RAY_FAULTS={secrets.token_hex(8)}"
"""In the environment of all processes that are started here: no others are touched."""
FILL = """
import sys, time
import ray

ray.init(logging_level="ERROR", log_to_driver=False)
kept = []
try:
    while len(kept) < 1000:
        kept.append(ray.put(bytes(20_000_000)))
except Exception as error:
    print(len(kept), type(error).__name__, flush=True)
time.sleep(1000)
"""
JOIN = """
import time
start = time.perf_counter()
from codo.preparation import ray_engine
loaded = time.perf_counter()
ray_engine.start(2)
print(f"{time.perf_counter() - loaded:.1f}")
"""


class Lab:
    """Pictures, the catalog of the local engine, and a place for the others."""

    def __init__(self, folder: Path, data: Path | None) -> None:
        self.folder, self.source, self.shared = folder, folder / "pictures", folder / "shared"
        self.shared.mkdir()
        photographs(data, self.source, 96)
        self.local, self.out = folder / "local", self.shared / "out"
        codo(["prepare", str(self.source), "--out", str(self.local), "--pack", "160"], "local")

    def start(self, address: str, *options: str) -> subprocess.Popen[str]:
        """The command, running."""
        command = ["prepare", str(self.source), "--out", str(self.out), "--pack", "160", "--engine", "ray", *options]
        return subprocess.Popen(
            [sys.executable, "-m", "codo.cli", *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"RAY_ADDRESS": address},
        )

    def tell(self, process: subprocess.Popen[str], began: float) -> None:
        """What the user sees, and what is kept."""
        _, errors = process.communicate()
        kept = len(list(self.out.glob(".work/part-*.arrow")))
        print(f"exit code {process.returncode} after {time.monotonic() - began:.1f} s, chunks kept: {kept}")
        print("\n".join(f"    {line}" for line in errors.splitlines()), flush=True)

    def again(self, address: str) -> None:
        """The same command; then compare."""
        process = self.start(address)
        _, errors = process.communicate()
        compared = filecmp.dircmp(self.local, self.out)
        _, differ, failed = filecmp.cmpfiles(self.local, self.out, compared.common_files, shallow=False)
        equal = not (differ or failed or compared.left_only or compared.right_only)
        print(f"the same command: exit code {process.returncode}, bytes of the local engine: {equal}\n", flush=True)
        if process.returncode:
            print(errors)
        shutil.rmtree(self.out)


def codo(arguments: list[str], address: str) -> None:
    environment = os.environ | {"RAY_ADDRESS": address}
    subprocess.run([sys.executable, "-m", "codo.cli", *arguments], check=True, capture_output=True, env=environment)


@contextmanager
def head(lab: Lab, cores: int, *options: str) -> Iterator[str]:
    """A cluster of one node; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    command = [*RAY, "start", "--head", f"--port={port}", f"--num-cpus={cores}", "--object-store-memory=80000000"]
    command += ["--include-dashboard=false", f"--temp-dir={folder}", "--disable-usage-stats", *options]
    subprocess.run(command, check=True, capture_output=True, text=True)
    host = next(one for one in found("gcs_server", folder))
    address = f"{Path(f'/proc/{host}/cmdline').read_text().split('--node-ip-address=')[1].split(chr(0))[0]}:{port}"
    try:
        yield address
    finally:
        end("raylet/raylet", "gcs_server", folder)
        shutil.rmtree(folder, ignore_errors=True)


def node(address: str, cores: int, hidden: Path | None = None) -> None:
    """Another node of the cluster, on this machine; it sees an empty disk where the ``hidden`` folder is."""
    command = [*RAY, "start", f"--address={address}", f"--num-cpus={cores}", "--object-store-memory=80000000"]
    mount = f"mount -t tmpfs tmpfs {hidden} && " if hidden else ""
    line = f"{mount}{' '.join(command)} --disable-usage-stats"
    subprocess.run(["unshare", "-m", "sh", "-c", line], check=True, capture_output=True)


def found(*words: str) -> list[int]:
    """Processes of this benchmark whose command lines have all of the words."""
    ours = {number for number in map(int, filter(str.isdigit, os.listdir("/proc"))) if MARK in _read(number, "environ")}
    # A worker's title overwrites its environment; its parent, the raylet, still has it.
    return [
        number
        for number in map(int, filter(str.isdigit, os.listdir("/proc")))
        if all(word in _read(number, "cmdline") for word in words) and (number in ours or _parent(number) in ours)
    ]


def _read(number: int, name: str) -> str:
    try:
        return Path(f"/proc/{number}/{name}").read_bytes().decode(errors="replace")
    except OSError:  # it has ended
        return ""


def _parent(number: int) -> int:
    return int([*_read(number, "stat").rpartition(") ")[2].split(), "0", "0"][1])


def end(*words: str) -> None:
    """SIGKILL to the processes with any of the words."""
    for number in {number for word in words for number in found(word)} - {os.getpid()}:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


def when(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.01)


def a_worker_killed(lab: Lab) -> None:
    with head(lab, 2) as address:
        began = time.monotonic()
        process = lab.start(address)
        when(lambda: found(TASK))
        os.kill(found(TASK)[0], signal.SIGKILL)
        lab.tell(process, began)
        lab.again(address)


def workers_killed_again_and_again(lab: Lab) -> None:
    with head(lab, 1) as address:
        began = time.monotonic()
        process = lab.start(address)
        while process.poll() is None:
            end(TASK)
            time.sleep(0.01)
        lab.tell(process, began)
        lab.again(address)


def a_node_that_does_not_see_out(lab: Lab) -> None:
    _hidden(lab, lab.shared)


def a_node_that_does_not_see_the_source(lab: Lab) -> None:
    _hidden(lab, lab.source)


def _hidden(lab: Lab, folder: Path) -> None:
    with head(lab, 1) as address:
        node(address, 1, folder)
        began = time.monotonic()
        process = lab.start(address)
        lab.tell(process, began)
    with head(lab, 2) as address:
        lab.again(address)


def a_node_lost(lab: Lab) -> None:
    with head(lab, 1) as address:
        before = set(found("raylet/raylet"))
        node(address, 1)
        began = time.monotonic()
        process = lab.start(address)
        when(lambda: len(found(TASK)) == 2)
        for number in set(found("raylet/raylet")) - before:
            os.kill(number, signal.SIGKILL)
        lab.tell(process, began)
        lab.again(address)


def a_full_object_store(lab: Lab) -> None:
    small = lab.folder / "spilled"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(small)], check=True)
    try:
        with head(lab, 2, f"--object-spilling-directory={small}") as address:
            filler = subprocess.Popen(
                [sys.executable, "-c", FILL],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=os.environ | {"RAY_ADDRESS": address},
            )
            assert filler.stdout
            print("objects of 20 MB until", filler.stdout.readline().strip())
            subprocess.run(["df", "-m", str(small)], check=True)
            began = time.monotonic()
            lab.tell(lab.start(address), began)
            lab.again(address)
            filler.kill()
    finally:
        subprocess.run(["umount", str(small)], check=True)


def ray_itself_killed(lab: Lab) -> None:
    with head(lab, 2) as address:
        began = time.monotonic()
        process = lab.start(address)
        when(lambda: list(lab.out.glob(".work/part-*.arrow")))
        end("gcs_server", "raylet/raylet")
        lab.tell(process, began)
    lab.again("local")


def the_command_killed(lab: Lab) -> None:
    began = time.monotonic()
    process = lab.start("local")
    when(lambda: found(TASK))
    left = {number: _read(number, "cmdline").split("\0")[0].rpartition("/")[2] for number in found("ray")}
    process.kill()
    killed = time.monotonic()
    lab.tell(process, began)
    while left and time.monotonic() - killed < 600:
        for number in [one for one in left if not _read(one, "cmdline")]:
            print(f"{left.pop(number)} ended after {time.monotonic() - killed:.1f} s", flush=True)
        time.sleep(0.1)
    lab.again("local")


def sigterm_at_random_moments(lab: Lab) -> None:
    """Thirty times: exit codes, and messages that are not the three lines."""
    rng = random.Random(16)
    codes: Counter[int] = Counter()
    with head(lab, 2) as address:
        for _ in range(30):
            process = lab.start(address)
            when(lambda: found(TASK))
            time.sleep(rng.random() ** 2 * 4)
            process.terminate()
            _, errors = process.communicate()
            codes[process.returncode] += 1
            told = [line for line in errors.splitlines() if not line.startswith("Ray: ")]
            if process.returncode and (len(told) != 3 or told[0] != "codo: stopped by SIGTERM"):
                print(errors, flush=True)
        print("exit codes:", dict(codes), flush=True)
        lab.again(address)


def start_up(lab: Lab) -> None:
    """Seconds of `ray_engine.start`: a Ray of its own, and joining one."""

    def seconds(address: str) -> str:
        environment = os.environ | {"RAY_ADDRESS": address}
        command = [sys.executable, "-c", JOIN]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()

    print("started here:", ", ".join(seconds("local") for _ in range(5)), "s")
    with head(lab, 2) as address:
        print("joined:", ", ".join(seconds(address) for _ in range(5)), "s\n", flush=True)


FAULTS = (
    start_up,
    a_worker_killed,
    workers_killed_again_and_again,
    a_node_that_does_not_see_out,
    a_node_that_does_not_see_the_source,
    a_node_lost,
    a_full_object_store,
    ray_itself_killed,
    the_command_killed,
    sigterm_at_random_moments,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder of photographs (default: the demo's pictures)")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=", ".join(one.__name__ for one in FAULTS))
    options = parser.parse_args()
    os.environ |= dict([MARK.split("=")]) | {"RAY_AUTH_MODE": "disabled"}
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), options.data)
        for fault in FAULTS:
            if not options.faults or fault.__name__ in options.faults:
                print(f"## {fault.__name__.replace('_', ' ')}", flush=True)
                fault(lab)


if __name__ == "__main__":
    main()
