"""One process of a comparison: does the cell whose settings come on its standard input, and follows its parent.

``python -m codo.compare.process``; the settings are one line of JSON. The end of the input afterwards means that the
parent is gone, even by ``kill -9``: the process then stops as by SIGTERM, with a checkpoint.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from codo.compare.cells import finish
from codo.compare.schedule import preemptible
from codo.detection.settings import FinetuneSettings
from codo.errors import CodoError, InputError
from codo.run import Run, is_run

PATIENCE = 60.0
"""Seconds to wait for a process that an earlier, killed comparison has left behind and that is just saving."""


def main() -> int:
    """Do the cell; the exit codes are those of ``codo``."""
    settings = FinetuneSettings.model_validate(json.loads(sys.stdin.readline()))
    try:
        with preemptible():
            threading.Thread(target=_follow, daemon=True).start()
            wait_until_free(Path(settings.out), PATIENCE)
            finish(settings)
    except CodoError as error:
        lines = error.lines()
        print(f"codo: {lines[0]}", *lines[1:], sep="\n", file=sys.stderr)
        return error.exit_code
    return 0


def _follow() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def wait_until_free(folder: Path, seconds: float) -> None:
    """Wait while another process writes to a run, but not for ever: `finetune` says what is wrong."""
    end = time.monotonic() + seconds
    while is_run(folder) and time.monotonic() < end:
        run = Run(folder)
        try:
            run.lock()
        except InputError:
            time.sleep(0.2)
        else:
            run.unlock()
            return


if __name__ == "__main__":
    sys.exit(main())
