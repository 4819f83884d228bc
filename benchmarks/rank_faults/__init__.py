"""Faults of several processes, caused on purpose, with what the user sees and what the same command does next.

    python -m benchmarks.rank_faults OUT [NAME …]

Needs root on Linux (network namespaces, control groups and mounts are made and removed) and, for clocks, a C compiler.
What a case has found is kept in OUT/results.json, and the case is not repeated when the command is called again. A case
passes if the fault has the right exit code and exactly the messages that it should have, and if afterwards the run is
bit-equal to one that nothing has disturbed.
"""
