"""Python's own work at the start and at the end of a program, which takes seconds once torch is loaded."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """No garbage collection meanwhile.

    Imports, and readers of large files, make millions of objects that stay, and each pass visits them all.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def end_program(code: int) -> None:
    """End this process with an exit code, without taking all modules apart first: after torch that takes a second.

    As in any ending, threads are waited for, what is registered for the end runs, and output is written. If its reader
    has left, this returns, so that the caller ends as usual.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # the interpreter's own first step, as `multiprocessing` calls it
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        return
    os._exit(code)
