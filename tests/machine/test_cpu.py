"""Cores that may be used: bound to some, or in a container with a quota, as the kernel's files describe them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from codo.machine.cpu import WAITING, cpu_quota, spin_briefly, usable_cores
from tests.machine.machine import Machine


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("200000 100000\n", 2),
        ("250000 100000\n", 3),  # rounded up: two and a half are better used by three
        ("20000 100000\n", 1),
        ("50000 10000\n", 5),
        ("max 100000\n", None),
        ("nonsense\n", None),
        ("100000 0\n", None),
    ],
)
def test_a_container_of_version_2(machine: Machine, text: str, cores: int | None) -> None:
    """As Docker starts one today: the container's own group is the top one that it sees."""
    machine.at("0::/")
    machine.mount("", "cgroup2", "nsdelegate")
    machine.write("cpu.max", text)
    assert cpu_quota(machine.proc) == cores


def test_the_smallest_quota_of_all_groups_above_holds(machine: Machine) -> None:
    machine.at("0::/kubepods/pod7/worker")
    machine.mount("", "cgroup2", "nsdelegate")
    machine.write("kubepods/cpu.max", "800000 100000")
    machine.write("kubepods/pod7/cpu.max", "300000 100000")
    machine.write("kubepods/pod7/worker/cpu.max", "max 100000")
    machine.write("kubepods/pod8/cpu.max", "100000 100000")  # another's
    assert cpu_quota(machine.proc) == 3
    machine.write("kubepods/pod7/worker/cpu.max", "200000 100000")
    assert cpu_quota(machine.proc) == 2


@pytest.mark.parametrize(("quota", "cores"), [("400000", 4), ("-1", None)])
def test_version_1(machine: Machine, quota: str, cores: int | None) -> None:
    machine.at("5:memory:/job", "4:cpu,cpuacct:/slurm/job", "1:name=systemd:/")
    machine.mount("memory", "cgroup", "memory")
    machine.mount("cpu,cpuacct", "cgroup", "cpu,cpuacct")
    machine.write("memory/job/cpu.cfs_quota_us", "100000")  # no place for it: not read
    machine.write("memory/job/cpu.cfs_period_us", "100000")
    machine.write("cpu,cpuacct/slurm/cpu.cfs_quota_us", f"{quota}\n")
    machine.write("cpu,cpuacct/slurm/cpu.cfs_period_us", "100000\n")
    machine.write("cpu,cpuacct/slurm/job/cpu.cfs_quota_us", "-1\n")
    machine.write("cpu,cpuacct/slurm/job/cpu.cfs_period_us", "100000\n")
    assert cpu_quota(machine.proc) == cores


def test_a_container_that_is_told_its_name_on_the_host(machine: Machine) -> None:
    """Docker with version 1: ``/docker/ab12`` of the host is mounted as the top of the tree."""
    machine.at("4:cpu,cpuacct:/docker/ab12/inner")
    machine.mount("cpu", "cgroup", "cpu,cpuacct", root="/docker/ab12")
    machine.write("cpu/cpu.cfs_quota_us", "600000")
    machine.write("cpu/cpu.cfs_period_us", "100000")
    assert cpu_quota(machine.proc) == 6
    machine.write("cpu/inner/cpu.cfs_quota_us", "150000")
    machine.write("cpu/inner/cpu.cfs_period_us", "100000")
    assert cpu_quota(machine.proc) == 2


@pytest.mark.parametrize("path", ["/docker/elsewhere", "/../other"])
def test_a_group_that_cannot_be_seen_is_not_looked_for_outside(machine: Machine, path: str) -> None:
    machine.at(f"0::{path}")
    machine.mount("tree", "cgroup2", "nsdelegate", root="/docker/ab12" if "elsewhere" in path else "/")
    machine.write("tree/cpu.max", "700000 100000")
    machine.write("other/cpu.max", "100000 100000")
    assert cpu_quota(machine.proc) == 7


def test_no_control_groups_at_all(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    assert usable_cores(tmp_path) >= 1


def test_a_quota_limits_the_cores_and_never_adds_some(machine: Machine) -> None:
    machine.at("0::/")
    machine.mount("", "cgroup2", "nsdelegate")
    unlimited = usable_cores(machine.proc)
    machine.write("cpu.max", "100000 100000")
    assert usable_cores(machine.proc) == 1
    machine.write("cpu.max", "9900000 100000")
    assert usable_cores(machine.proc) == min(unlimited, 99)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no processes")
def test_cores_that_the_process_is_bound_to() -> None:
    one = min(os.sched_getaffinity(0))
    bound = f"import os; os.sched_setaffinity(0, {{{one}}})\n"
    code = bound + "from codo.machine.cpu import usable_cores; print(usable_cores())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\n"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, {"GOMP_SPINCOUNT": "1000"}),
        ({"OMP_NUM_THREADS": "4"}, {"OMP_NUM_THREADS": "4", "GOMP_SPINCOUNT": "1000"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE"}),
        ({"GOMP_SPINCOUNT": "100"}, {"GOMP_SPINCOUNT": "100"}),
        ({"KMP_BLOCKTIME": "0"}, {"KMP_BLOCKTIME": "0"}),
    ],
)
def test_threads_spin_briefly_unless_the_user_chooses(environment: dict[str, str], expected: dict[str, str]) -> None:
    spin_briefly(environment)
    assert environment == expected


def test_the_command_line_chooses_before_torch_is_loaded() -> None:
    code = (
        "import sys, os; sys.argv = ['codo', 'cache']; from codo.cli import main; import codo.cli as c\n"
        "c.VERBS['cache'] = lambda args: print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)\n"
        "main()"
    )
    kept = {name: value for name, value in os.environ.items() if name not in WAITING}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=kept)
    assert shown.stdout.split() == ["1000", "False"]
