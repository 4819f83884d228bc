"""Garbage collection is as before afterwards; a program ends with what must be done, and nothing else."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from codo.core.interpreter import without_collection


@pytest.mark.parametrize("enabled", [True, False])
def test_collection_is_as_before_afterwards(enabled: bool) -> None:
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with suppress(KeyError), without_collection():
            with without_collection():
                assert not gc.isenabled()
            assert not gc.isenabled()  # the inner one leaves it to the outer one
            raise KeyError
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()


BUFFERED = os.environ | {"PYTHONUNBUFFERED": ""}

LEFT_FOR_THE_END = """if True:
    import atexit, sys, threading, time
    from concurrent.futures import ThreadPoolExecutor
    from codo.core.interpreter import end_program

    class Part:
        def __del__(self):
            print("taken apart")

    part = Part()
    atexit.register(print, "registered")
    ThreadPoolExecutor().submit(print, "submitted")
    threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
    print("before")
    end_program(7)
    print("returned")
"""


def test_threads_and_registered_functions_are_waited_for_and_nothing_is_taken_apart(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEFT_FOR_THE_END],
        cwd=tmp_path,
        env=BUFFERED,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (7, "")
    lines = done.stdout.splitlines()
    assert sorted(lines[:2]) == ["before", "submitted"]
    assert lines[2:] == ["thread", "registered"]


def test_without_a_reader_the_interpreter_ends_as_usual(tmp_path: Path) -> None:
    code = "from codo.core.interpreter import end_program; print('a line'); end_program(7)"
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env=BUFFERED,
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 120  # Python's own code for output that it could not write
    assert "BrokenPipeError" in done.stderr
