"""Benchmarks: a row for every target of speed, each measured beside its reference in one run.

    make bench                                    all rows of a CPU, into docs/results/bench-cpu.{json,md}
    python -m benchmarks views startup            some of them, printed
    python -m benchmarks.views --from packed      one, with its own options

Nothing here is a test: `tests/benchmarks` only sees that each module runs (``--smoke``).

* ``registry``     which modules there are; a new row is one line there
* ``row``          what a row says, and when it passes
* ``timing``       reference and ours in turn, item by item
* ``command``      the options that all modules share
* ``report``       rows as a Markdown table and as JSON
* ``environment``  processor, versions, commit, load
* ``pictures``     photographs to measure on: a folder given with ``--data``, or the demo's own pictures
"""
