"""Kill every verb at random moments, start the same command again, and see that nothing is lost.

    python -m benchmarks.endurance --out DIR                go on until the kills of the plan are done (1,000)
    python -m benchmarks.endurance --out DIR --summary      the tables of docs/results/endurance.md
    python -m benchmarks.endurance --out DIR --repeat CASE  count no kill of this case so far (after a fix), go on

Outside CI. It can itself be killed: `DIR/kills.jsonl` is its state, one line a kill, and the same command goes on.
Needs Linux; a small disk that is filled needs root (without it that fault is left out, and the summary says so).

* ``cases``      the commands, small, and what they read
* ``processes``  a command as a process: forked with its imports done, or a fresh one; its moments
* ``faults``     what is done to it at its moment
* ``contents``   what must be equal afterwards, file by file, and what half-written files are
* ``chains``     kill, go on, kill, go on, …, compare
* ``record``     the state, and its summary

A moment is either a point of CPU time of the command with all its processes, uniform over what an undisturbed one
takes, or the n-th file operation in its folder (open to write, rename, remove, make a folder), n uniform: the rare
instants between two of them are hit as often as those of long computations.
"""

from __future__ import annotations

import os

# Before numpy and torch are imported: exact results, and a process without threads, which can be forked.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
