"""Peak memory, of a process that takes some and gives it back; available memory, as files of the kernel tell it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from codo.machine.memory import available_memory, peak_memory_mib
from tests.machine.machine import Machine


def test_memory_that_was_given_back_counts() -> None:
    code = """
import os
from codo.machine.memory import peak_memory_mib
if os.fork():  # a program inherits the peak of the one that started it, a fork does not
    os.wait()
else:
    before = peak_memory_mib()
    taken = b"x" * (128 << 20)
    del taken
    print(peak_memory_mib() - before)
"""
    grown = float(subprocess.check_output([sys.executable, "-c", code], text=True))
    assert 120 < grown < 160


@pytest.mark.skipif(sys.platform != "linux", reason="asks for the numbers of Linux as if they were another's")
def test_macos_counts_in_bytes() -> None:
    assert peak_memory_mib("darwin") == pytest.approx(peak_memory_mib("linux") / 1024, rel=0.01)


KIB = 1024


def meminfo(machine: Machine, available: int) -> None:
    (machine.proc.parent / "meminfo").write_text(f"MemTotal: 9999 kB\nMemAvailable: {available} kB\n")


def test_a_machine_without_containers(machine: Machine) -> None:
    meminfo(machine, 5000)
    assert available_memory(machine.proc) == 5000 * KIB


def test_a_container_of_version_2_may_have_less(machine: Machine) -> None:
    meminfo(machine, 5000)
    machine.at("0::/")
    machine.mount("", "cgroup2", "rw")
    machine.write("memory.max", f"{3000 * KIB}\n")
    machine.write("memory.current", f"{2500 * KIB}\n")
    machine.write("memory.stat", f"anon 1\ninactive_file {300 * KIB}\n")  # files that were read: dropped when needed
    assert available_memory(machine.proc) == 800 * KIB
    machine.write("memory.max", "max\n")
    assert available_memory(machine.proc) == 5000 * KIB


def test_a_container_of_version_1(machine: Machine) -> None:
    meminfo(machine, 5000)
    machine.at("3:memory:/")
    machine.mount("memory", "cgroup", "memory")
    machine.write("memory/memory.limit_in_bytes", f"{2000 * KIB}\n")
    machine.write("memory/memory.usage_in_bytes", f"{1500 * KIB}\n")
    assert available_memory(machine.proc) == 500 * KIB
    machine.write("memory/memory.usage_in_bytes", f"{2500 * KIB}\n")
    assert available_memory(machine.proc) == 0


def test_another_system_does_not_tell(machine: Machine) -> None:
    assert available_memory(machine.proc) is None
