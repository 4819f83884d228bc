"""The process that reads mutants: ``python -m benchmarks.fuzzing.child JOB.json``; ``batches.py`` writes the job.

A line of JSON tells each mutant that is begun (``[3]``) and its outcome (``[3, "refused", "why"]``), so that the
parent knows which one a crash is about.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

from benchmarks.fuzzing.formats import ACCEPTED, FAILURE, REFUSED, REJECTED, Format, Given, Outcome
from benchmarks.fuzzing.guard import Guard
from benchmarks.fuzzing.registry import FORMATS


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    form: Format = FORMATS[job["format"]]
    seeds = [Path(path) for path in job["seeds"]]
    given = [Given(Path(path), expected, seeds[0].parent) for path, expected in job["mutants"]]
    out = Path(job["out"])
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    warm_up(form, seeds, out)
    guard = Guard(out, Path(os.environ["NUMBA_CACHE_DIR"]))
    tempfile.tempdir = str(out)
    guard.start()

    def tell(*values: object) -> None:
        os.write(log, (json.dumps(values) + "\n").encode())

    if form.read_all is not None:
        tell(0)
        try:
            outcomes = form.read_all(given, out / "all")
        except BaseException as error:
            outcomes = [judged(error)] * len(given)
        if seen := guard.take():
            outcomes = [Outcome(FAILURE, seen[0])] * len(given)
        for number, outcome in enumerate(outcomes):
            tell(number, *outcome)
        return
    assert form.read is not None
    for number, one in enumerate(given):
        tell(number)
        try:
            outcome = form.read(one, out / str(number))
        except BaseException as error:
            outcome = judged(error)
        if seen := guard.take():
            outcome = Outcome(FAILURE, seen[0])
        tell(number, *outcome)


def judged(error: BaseException) -> Outcome:
    """Errors for users are refusals, all others failures."""
    from codo.core.errors import CodoError

    if isinstance(error, CodoError):
        return Outcome(REFUSED, error.what[:200])
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/codo/" in frame.filename] or frames
    place = f"{own[-1].filename.rpartition('/codo/')[2]}:{own[-1].lineno}"
    return Outcome(FAILURE, f"{type(error).__name__} at {place}: {str(error)[:120]}")


def warm_up(form: Format, seeds: list[Path], out: Path) -> None:
    """Read the seeds, which must be accepted: imports what reading needs, before limits are set.

    Raises:
        SystemExit: One is not accepted.
    """
    given = [Given(path, None, path.parent) for path in seeds]
    if form.read_all is not None:
        outcomes = form.read_all(given, out / "seeds")
    else:
        assert form.read is not None
        outcomes = [form.read(one, out / f"seed-{number}") for number, one in enumerate(given)]
    wrong = [
        (one.path, outcome)
        for one, outcome in zip(given, outcomes, strict=True)
        if outcome.kind not in (ACCEPTED, REJECTED)
    ]
    if wrong:
        raise SystemExit(f"{form.name}: a valid seed is not accepted: {wrong[0]}")


if __name__ == "__main__":
    main()
