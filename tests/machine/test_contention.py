"""What other processes take, by a table of the kernel that is written here, and by a real busy process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import pytest

from codo.machine.contention import OtherProcesses
from tests.machine.machine import Machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's files")
TICKS = os.sysconf("SC_CLK_TCK")


def stat(machine: Machine, **seconds: tuple[float, float]) -> None:
    """Write ``/proc/stat``: seconds in which a core was busy, and idle."""
    rows = ["cpu 9 9 9 9 9 9 9 9 0 0"]
    for core, (busy, idle) in seconds.items():
        halves = int(busy * TICKS) // 2
        rows.append(f"{core} {halves} 0 {int(busy * TICKS) - halves} {int(idle * TICKS)} 0 0 0 0 0 0")
    (machine.proc.parent / "stat").write_text("\n".join([*rows, "intr 1 2 3"]) + "\n")


@pytest.fixture
def bound_to_two(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Bound to cores 0 and 2, and how many seconds this process has worked, to be set."""
    worked = [5.0]
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2})
    monkeypatch.setattr(time, "process_time", lambda: worked[0])
    return worked


def test_the_share_is_that_of_others_on_the_own_cores(machine: Machine, bound_to_two: list[float]) -> None:
    stat(machine, cpu0=(100, 100), cpu1=(0, 200), cpu2=(50, 150))
    others = OtherProcesses(machine.proc)
    stat(machine, cpu0=(110, 100), cpu1=(10, 200), cpu2=(55, 155))  # 20 seconds of two cores, 15 of them busy
    bound_to_two[0] += 9
    assert others.share() == pytest.approx(6 / 20)
    stat(machine, cpu0=(120, 100), cpu1=(20, 200), cpu2=(55, 165))
    bound_to_two[0] += 12  # a little more than the kernel has counted by now
    assert others.share() == 0


def test_nothing_is_known_without_the_table(machine: Machine, bound_to_two: list[float]) -> None:
    assert OtherProcesses(machine.proc).share() is None
    stat(machine, cpu0=(1, 1), cpu2=(1, 1))
    others = OtherProcesses(machine.proc)
    assert others.share() is None  # no time has passed
    stat(machine, cpu0=(2, 2))
    assert others.share() is None


def test_nothing_is_known_in_a_container_with_a_quota(machine: Machine, bound_to_two: list[float]) -> None:
    stat(machine, cpu0=(1, 1), cpu2=(1, 1))
    machine.at("0::/")
    machine.mount("", "cgroup2", "rw")
    machine.write("cpu.max", "200000 100000\n")
    others = OtherProcesses(machine.proc)
    stat(machine, cpu0=(2, 2), cpu2=(2, 2))
    assert others.share() is None


BUSY = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nprint(flush=True)\nwhile True: pass"


def test_a_real_process_beside_this_one() -> None:
    core = min(os.sched_getaffinity(0))
    with subprocess.Popen([sys.executable, "-c", BUSY, str(core)], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            others = OtherProcesses()
            time.sleep(0.5)
            share = others.share()
        finally:
            other.kill()
    if share is None:
        pytest.skip("a quota, or a kernel that does not tell")
    # The other one had at least a fair part of its core, whatever else the machine does.
    assert share > 0.1 / len(os.sched_getaffinity(0))


def test_all_that_changes_stands_in_parentheses(machine: Machine, bound_to_two: list[float]) -> None:
    """So that `RunLog.warn_once` tells it once."""
    stat(machine, cpu0=(0, 0), cpu2=(0, 0))
    others, told = OtherProcesses(machine.proc), set()
    for look, own in enumerate((12, 12, 12, 12, 12, 2, 14, 1, 1, 1), 1):
        stat(machine, cpu0=(10 * look, 0), cpu2=(10 * look, 0))
        bound_to_two[0] += own
        others.share()
        told.add(others.warning(threads=8))
    assert len(told) > 3
    assert len({re.sub(r"\([^()]*\)", "", message) for message in told - {None}}) == 1


def test_fewer_threads_are_advised_where_others_are_busy(machine: Machine, bound_to_two: list[float]) -> None:
    stat(machine, cpu0=(0, 0), cpu2=(0, 0))
    others = OtherProcesses(machine.proc)
    told = []
    for look in range(1, 8):
        stat(machine, cpu0=(10 * look, 0), cpu2=(10 * look, 0))
        bound_to_two[0] += 12
        assert others.share() == pytest.approx(0.4)
        told.append(others.warning(threads=4))
    assert told[:4] == [None] * 4  # one look says little
    assert told[4] is not None
    assert "(40% of them)" in told[4]  # in parentheses: logs tell once what differs only there
    assert "OMP_NUM_THREADS=2" in told[4]
    assert others.warning(threads=1) is None
    assert "OMP_NUM_THREADS=1" in str(others.warning(threads=2))
