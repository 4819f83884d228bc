#!/usr/bin/env bash
# What a compiled function of Numba (0.68.1) returns is made by Python code: for each array and each named tuple.
#
# `nopython` code runs no Python, and numbers and plain tuples are returned without any. But for each array, and for each
# named tuple, Numba unpickles the class by a Python function of its own, in each call; a named tuple's constructor,
# Python too, comes on top. A named tuple of two numbers takes four times as long as a plain one (1.3 and 0.3
# microseconds, AMD EPYC), and two threads that release the GIL meet there.
#
# Python code is also where signals are handled. If a handler raises there, as Ctrl-C does, the exception arrives where
# one array is returned, but Numba does not look for it between the parts of a tuple: of two arrays the caller gets a
# `SystemError` ("returned a result with an exception set"), and where a named tuple is returned the process can end
# with a segmentation fault (seen in a training loop; not part of this script). A program whose handlers raise does well
# to return plain tuples, and to let its handlers wait while that function is on the stack.
#
# Seen on Linux, Python 3.11:
#   a number: no Python function
#   a tuple: no Python function
#   an array: _numba_unpickle
#   two arrays: _numba_unpickle, _numba_unpickle
#   a named tuple: _numba_unpickle, <lambda>
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check numba==0.68.1 llvmlite==0.50.0 numpy==2.4.6

cat > "$work/calls.py" <<'PYTHON'
import sys
from typing import NamedTuple

import numba
import numpy as np


class Pair(NamedTuple):
    first: int
    second: int


results = {
    "a number": numba.njit(lambda n: n + 1),
    "a tuple": numba.njit(lambda n: (n, n + 1)),
    "an array": numba.njit(lambda n: np.zeros(n)),
    "two arrays": numba.njit(lambda n: (np.zeros(n), np.ones(n))),
    "a named tuple": numba.njit(lambda n: Pair(n, n + 1)),
}
for name, function in results.items():
    function(3)  # compile
    called = []
    sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_name) if event == "call" else None)
    function(3)
    sys.setprofile(None)
    print(f"{name}: {', '.join(called[1:]) or 'no Python function'}")  # the first is the compiled function itself
PYTHON

cd "$work"
seen="$("$work/venv/bin/python" calls.py)"
echo "$seen"
expected='a number: no Python function
a tuple: no Python function
an array: _numba_unpickle
two arrays: _numba_unpickle, _numba_unpickle
a named tuple: _numba_unpickle, <lambda>'
[ "$seen" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
