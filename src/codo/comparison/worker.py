"""One process of a comparison: does the work that comes on its standard input, and follows its parent.

``python -m codo.comparison.worker``; the work is one line of JSON (`codo.comparison.jobs.serialize`). The end of
the input afterwards means that the parent is gone, even by ``kill -9``: the process then stops as by SIGTERM, with a
checkpoint.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from codo.comparison.jobs import JobSpec, run_job
from codo.comparison.scheduler import preemptible
from codo.core.errors import CodoError


def main() -> int:
    """Do the work; the exit codes are those of ``codo``."""
    order = JobSpec.read(sys.stdin.readline())
    try:
        with preemptible():
            threading.Thread(target=_follow, args=(sys.stdin.fileno(),), daemon=True).start()
            run_job(order)
    except CodoError as error:
        lines = error.lines()
        print(f"codo: {lines[0]}", *lines[1:], sep="\n", file=sys.stderr)
        return error.exit_code
    return 0


def _follow(file: int) -> None:
    """Wait for the end of the input.

    By the file's number: a reader of ``sys.stdin`` would hold its lock, which forked loader workers take when they
    close it.
    """
    while os.read(file, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
