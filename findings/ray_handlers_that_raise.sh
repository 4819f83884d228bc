#!/usr/bin/env bash
# Ray 2.60.0 turns an exception that a signal handler raises during `ray.wait` into a SystemError.
#
# A handler that raises is Python's way to leave a wait: `time.sleep`, and any other wait, ends with the exception. In
# `ray.wait` the program gets "SystemError: ... returned a result with an exception set" instead, so `except Stopped`
# around it catches nothing, and a driver that would have saved its state on SIGTERM dies with a traceback from
# CPython's core. The exception itself is only its __cause__. Wait with a short timeout, and look at a flag that the
# handler sets.
#
# Seen on Linux, Python 3.11:
#   time.sleep: Stopped
#   ray.wait: SystemError, cause Stopped
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0

cat > "$work/wait.py" <<'PYTHON'
import logging
import os
import signal
import threading
import time

import ray


class Stopped(Exception):
    """What the handler raises."""


def handler(number, frame):
    raise Stopped


def ended_by(wait):
    """What ends a wait that is sent SIGTERM after a second."""
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    try:
        wait()
    except BaseException as error:
        cause = f", cause {type(error.__cause__).__name__}" if error.__cause__ else ""
        return f"{type(error).__name__}{cause}"
    return "nothing"


@ray.remote
def slow():
    time.sleep(30)


ray.init(num_cpus=1, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
signal.signal(signal.SIGTERM, handler)
task = slow.remote()
print("time.sleep:", ended_by(lambda: time.sleep(5)))
print("ray.wait:", ended_by(lambda: ray.wait([task], timeout=5)))
signal.signal(signal.SIGTERM, signal.SIG_DFL)
PYTHON

seen="$("$work/venv/bin/python" "$work/wait.py" 2>/dev/null | grep -E '^(time|ray)')"
echo "$seen"
expected="time.sleep: Stopped
ray.wait: SystemError, cause Stopped"
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
