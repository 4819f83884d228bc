"""Where the groups of a process are; what limits are read there: test_cpu.py and test_memory.py."""

from __future__ import annotations

from pathlib import Path

from codo.machine.cgroups import groups, lines
from tests.machine.machine import Machine


def test_inner_groups_come_first(machine: Machine) -> None:
    machine.at("0::/user/job")
    machine.mount("", "cgroup2", "rw")
    top = machine.groups
    assert list(groups(machine.proc, "memory")) == [top / "user/job", top / "user", top]


def test_of_version_1_only_the_hierarchy_of_the_controller(machine: Machine) -> None:
    machine.at("4:memory:/job", "3:cpu,cpuacct:/other")
    machine.mount("memory", "cgroup", "memory")
    machine.mount("cpu,cpuacct", "cgroup", "cpu,cpuacct")
    top = machine.groups
    assert list(groups(machine.proc, "memory")) == [top / "memory/job", top / "memory"]
    assert list(groups(machine.proc, "cpu")) == [top / "cpu,cpuacct/other", top / "cpu,cpuacct"]


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert lines(tmp_path / "cpu.max") == []
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert lines(tmp_path / "cpu.max") == ["max 100000"]
