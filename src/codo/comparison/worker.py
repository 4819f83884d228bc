"""A worker process of a comparison: runs the job given on its standard input, and stops when its parent ends.

Started as ``python -m codo.comparison.worker``; the job is one line of JSON (`JobSpec`). Its standard input is closed
when the parent ends, even by ``kill -9``: the worker then stops as by SIGTERM, with a checkpoint.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from codo.core.errors import CodoError
from codo.core.interpreter import end_program, importing, keep_imports
from codo.core.signals import preemptible

keep_imports()
with importing():
    from codo.comparison.jobs import JobSpec, run_job


def main() -> int:
    """Run the job; the exit codes are those of ``codo``."""
    spec = JobSpec.read(sys.stdin.readline())
    try:
        with preemptible("codo compare"):
            threading.Thread(target=_stop_with_parent, args=(sys.stdin.fileno(),), daemon=True).start()
            run_job(spec)
    except CodoError as error:
        lines = error.lines()
        print(f"codo: {lines[0]}", *lines[1:], sep="\n", file=sys.stderr)
        return error.exit_code
    return 0


def _stop_with_parent(file: int) -> None:
    """Wait for the end of the input, then send SIGTERM to this process."""
    # By file descriptor: a reader of `sys.stdin` would hold its lock, which forked loader workers need.
    while os.read(file, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    exit_code = main()
    end_program(exit_code)
    sys.exit(exit_code)
