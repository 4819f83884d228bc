"""Peak memory, of a process of its own that takes some and gives it back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from codo.core.memory import peak_memory_mib


def test_memory_that_was_given_back_counts() -> None:
    code = """
import os
from codo.core.memory import peak_memory_mib
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
