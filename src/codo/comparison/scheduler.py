"""Runs jobs one after the other in this process, or several at a time in worker processes.

A job that fails does not stop the others. SIGTERM and Ctrl-C stop all running jobs, each with a checkpoint. If this
process is killed, its workers notice and stop in the same way (see ``worker``).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from codo.comparison.jobs import Job, run_job, serialize
from codo.core.errors import CodoError, Interrupted, Preempted, class_and_line, first_line
from codo.core.signals import preemptible, stop_signals

W = TypeVar("W", bound=Job)


def run_in_process(jobs: Sequence[W], on_end: Callable[[W, str | None], None]) -> None:
    """Run jobs one after the other in this process.

    Args:
        jobs: The jobs.
        on_end: Called for each job that has ended, with the reason if it failed.

    Raises:
        Interrupted, Preempted, KeyboardInterrupt: Stopped; the current run has a checkpoint.
    """
    with preemptible("codo compare"):
        for job in jobs:
            try:
                run_job(job)
            except (Interrupted, Preempted):
                raise
            except CodoError as error:
                on_end(job, _join(error.lines()))
            except OSError as error:  # a full disk, most of all
                on_end(job, _join([first_line(error), f"where: {error.filename or job.path}"]))
            except Exception as error:  # no error of one job may stop the others
                on_end(job, class_and_line(error))
            else:
                on_end(job, None)


def run_in_workers(
    jobs: Sequence[W], environments: Sequence[Mapping[str, str]], logs: Path, on_end: Callable[[W, str | None], None]
) -> None:
    """Run jobs in worker processes, as many at a time as there are environments.

    Args:
        jobs: The jobs.
        environments: Environment variables of each concurrent worker.
        logs: Folder for the output of the workers.
        on_end: Called for each job that has ended, with the reason if it failed.

    Raises:
        Interrupted, Preempted: Stopped; the running jobs have checkpoints.
    """
    logs.mkdir(parents=True, exist_ok=True)
    waiting = list(jobs)
    running: dict[int, tuple[W, subprocess.Popen[str]]] = {}
    try:
        with stop_signals() as stop:
            while waiting or running:
                for slot, environment in enumerate(environments):
                    if slot not in running and waiting:
                        job = waiting.pop(0)
                        running[slot] = job, _start(job, environment, _log(logs, job))
                time.sleep(0.1)
                if stop.number:
                    _stop(process for _, process in running.values())
                    what = f"with {len(running)} running jobs, whose checkpoints are saved"
                    raise stop.error(stop.number, what, str(logs.parent))
                for slot, (job, process) in list(running.items()):
                    if process.poll() is not None:
                        del running[slot]
                        on_end(job, _reason(_log(logs, job), process.returncode) if process.returncode else None)
    finally:
        _stop(process for _, process in running.values())


def _start(job: Job, environment: Mapping[str, str], log: Path) -> subprocess.Popen[str]:
    print(f"{job}: started, log in {log}", flush=True)
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "codo.comparison.worker"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
            env=dict(environment),
            start_new_session=True,  # Ctrl-C reaches only this process, which then stops its workers
        )
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # the worker has died already; its exit code is read later
        process.stdin.write(serialize(job))
        process.stdin.flush()  # stdin stays open: when it closes, the worker knows that this process has ended
    return process


def _stop(processes: Iterable[subprocess.Popen[str]]) -> None:
    stopped = list(processes)
    for process in stopped:
        process.terminate()
    for process in stopped:
        process.wait()


def _log(logs: Path, job: Job) -> Path:
    return logs / ("-".join(job.path.parts[-3:]) + ".log")


def _reason(log: Path, code: int) -> str:
    """Why a worker failed: the error it printed, else its last line of output."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    starts = [i for i, line in enumerate(lines) if line.startswith("codo: ")]
    if starts:
        return _join([lines[starts[-1]].removeprefix("codo: "), *lines[starts[-1] + 1 :]][:3])
    ended = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return _join([ended, *lines[-1:]]) + f" (log: {log})"


def _join(lines: Sequence[str]) -> str:
    return "; ".join(line.strip() for line in lines)
