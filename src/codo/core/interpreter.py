"""Python's own work at the start and at the end of a program, which takes seconds once torch is loaded."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress


class _Imports:
    kept = False  # in this process


@contextmanager
def without_collection(keep: bool = False) -> Iterator[None]:
    """No collection meanwhile: imports and readers of large files make millions of objects, which each pass visits.

    Args:
        keep: Whether no later pass visits anything that exists at the end. Of nested contexts the outermost decides.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if keep:
                gc.freeze()  # before a pass can begin
            gc.enable()


def importing() -> AbstractContextManager[None]:
    """`without_collection` for imports of large libraries."""
    return without_collection(keep=_Imports.kept)


def keep_imports() -> None:
    """From here on no pass of collection visits what exists after an import, see `importing`.

    For programs, which import first and need their modules to the end: it saves them three passes over a million
    objects. In a user's own process garbage that happens to be there would stay for good.
    """
    _Imports.kept = True


def end_program(code: int) -> None:
    """End this process with an exit code, without taking all modules apart first: after torch that takes a second.

    Threads are waited for, what is registered for the end runs, and output is written. Where that fails (Ctrl-C, no
    reader), and under a profiler or debugger, this returns: the interpreter then ends the program in its own way.
    """
    monitoring = getattr(sys, "monitoring", None)  # since Python 3.12
    tools = [monitoring.get_tool(number) for number in range(6)] if monitoring else []
    if sys.flags.inspect or sys.getprofile() or sys.gettrace() or any(tools):
        return
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]  # the interpreter's first step; `multiprocessing` calls it too
        atexit._run_exitfuncs()
        for stream in filter(None, (sys.stdout, sys.stderr)):  # a closed one is None
            stream.flush()
        os._exit(code)
