"""Freed memory on CPUs: kept inside the context, returned at its end, and left alone where the user has chosen."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from codo.machine.allocator import configured, freed_memory_kept

BLOCK = 64 << 20  # bytes: above every threshold from which glibc maps a block separately
FAULTS = f"""
import ctypes, resource
from codo.machine.allocator import freed_memory_kept
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def use():
    block = libc.malloc({BLOCK})
    ctypes.memset(block, 1, {BLOCK})
    libc.free(block)

def faults(device):
    with freed_memory_kept(device):
        use()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(4):
            use()
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

kept, resident = faults("cpu"), int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
print(kept, faults("cuda"), resident)
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="other C libraries than glibc keep freed memory by rules of their own"
)
def test_blocks_that_are_freed_and_allocated_again_cost_no_page_faults_until_the_end_of_the_context() -> None:
    printed = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True).stdout
    kept, plain, resident = map(int, printed.split())
    pages = BLOCK // resource.getpagesize()
    assert kept < pages / 10  # nothing is cleared again
    assert plain > pages / 600  # every block is, in pages of the kernel's choice (4 KiB to 2 MiB): so there is a gain
    assert resident < BLOCK  # at the end the memory is returned


@pytest.mark.parametrize(
    ("environment", "chosen"),
    [
        ({}, False),
        ({"MALLOC_TRIM_THRESHOLD_": "1"}, True),
        ({"GLIBC_TUNABLES": "glibc.malloc.check=1"}, True),
        ({"GLIBC_TUNABLES": "glibc.rtld.nns=4"}, False),
        ({"LD_PRELOAD": "/usr/lib/libjemalloc.so.2"}, True),
        ({"LD_PRELOAD": "/usr/lib/libgomp.so"}, False),
    ],
)
def test_an_allocator_or_parameters_of_the_user_are_left_alone(environment: dict[str, str], chosen: bool) -> None:
    assert configured(environment) is chosen


def test_an_error_inside_the_context_comes_out() -> None:
    with pytest.raises(KeyError), freed_memory_kept("cpu"):
        raise KeyError
