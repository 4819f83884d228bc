"""The run directory: one output folder of a training verb, and the rules by which it is resumed.

::

    RUN/
      config.yaml          every setting, resolved; can be given to -c again
      command.txt          the command lines that worked on this run, one a line
      environment.json     verb, versions, devices of the first start
      train.log            what was printed, with times
      metrics.jsonl        one JSON object a logged step, all values of that step on it
      checkpoints/
        step-00000123.pt   see training/checkpoint.py
        last               the name of the newest checkpoint
      mlflow_run_id        of a run that MLflow tracks: where it goes on when resumed
      exports/             weights to use elsewhere (codo export)
      pairs.npz            of ORL: objects that look alike (views/object_pairs.py)
      health.json          of pretraining: what its health is judged against (evaluation/health.py)
      report.html          one offline page

The same command again resumes. A run whose settings differ is refused, with the difference shown, unless only settings
in `NEUTRAL` differ: those change how a run is carried out, never what it computes. Only rank 0 writes.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from codo.core.config import read_yaml, refuse_other_settings
from codo.core.errors import InputError
from codo.core.io import FileLock, write_atomically
from codo.core.renamed import upgrade

NEUTRAL = ("out", "workers", "log", "checkpoint_every", "keep_checkpoints")


class Run:
    """A run directory that exists; `open_run` and `start_run` make these.

    Example:
        >>> import codo
        >>> run = codo.open_run("runs/mine")
        >>> run.verb, run.config["method"]
        ('pretrain', 'codo')
        >>> losses = [row["loss"] for row in run.metrics()]
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path / ".lock")

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def config(self) -> dict[str, Any]:
        """The resolved settings as nested dictionaries, with today's names."""
        return upgrade(read_yaml(self.path / "config.yaml"))

    @property
    def environment(self) -> dict[str, Any]:
        """Verb, versions and devices of the first start."""
        values: dict[str, Any] = json.loads((self.path / "environment.json").read_text(encoding="utf-8"))
        return values

    @property
    def verb(self) -> str:
        """``pretrain`` or ``finetune``."""
        return str(self.environment["verb"])

    @property
    def metrics_file(self) -> Path:
        """Where the logged steps are."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints_dir(self) -> Path:
        """Where the checkpoints are."""
        return self.path / "checkpoints"

    @property
    def exports_dir(self) -> Path:
        """Where exported weights go unless the user names another place."""
        return self.path / "exports"

    def metrics(self) -> list[dict[str, Any]]:
        """The logged steps in order; a line torn by a crash is left out."""
        rows: list[dict[str, Any]] = []
        if self.metrics_file.exists():
            for line in self.metrics_file.read_text(encoding="utf-8").splitlines():
                try:
                    rows.append(json.loads(line))
                except json.JSONDecodeError:
                    continue
        return rows

    def checkpoints(self) -> list[Path]:
        """Checkpoint files, oldest first."""
        return sorted(self.checkpoints_dir.glob("step-*.pt"))

    def lock(self) -> None:
        """Hold the run for this process until it ends.

        Raises:
            InputError: Another live process writes to this run.
        """
        if not self._lock.acquire():
            fix = "wait for it, or choose another out="
            raise InputError("another process is writing to this run", where=str(self.path), fix=fix)

    @property
    def busy(self) -> bool:
        """Whether another live process writes to this run."""
        return self._lock.taken

    def unlock(self) -> None:
        """Let other processes write to this run."""
        self._lock.release()


def open_run(path: str | Path) -> Run:
    """Open a run directory to read it.

    Raises:
        InputError: There is no run at ``path``.

    Example:
        >>> import codo
        >>> run = codo.open_run("runs/mine")
        >>> newest = run.checkpoints()[-1]
    """
    folder = Path(path)
    if not is_run(folder):
        raise InputError(
            "not a run directory (no config.yaml)",
            where=str(path),
            fix="give the out= folder of a pretrain or finetune",
        )
    return Run(folder)


def is_run(path: str | Path) -> bool:
    """Whether ``path`` is a run directory."""
    return (Path(path) / "config.yaml").is_file() and (Path(path) / "environment.json").is_file()


def check_out(out: str | Path, config: Mapping[str, Any]) -> bool:
    """Whether ``out`` holds this very run already (resume) or is free (start); nothing is written.

    A folder left by a start that failed before its first checkpoint counts as free when its settings are the same.

    Raises:
        InputError: ``out`` is a file, holds something else, or holds a run with other settings.
    """
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise InputError("out= is a file", where=str(out), fix="name a folder")
    if not folder.exists() or is_unstarted(folder):
        return False
    if not is_run(folder):
        raise InputError("out= is not empty and not a run", where=str(out), fix="choose an empty or new folder")
    refuse_other_settings(
        Run(folder).config,
        _plain(config),
        NEUTRAL,
        what="out= holds a run",
        where=str(out),
        fix="choose another out=, or give the settings of that run to resume it",
    )
    return True


def is_unstarted(folder: Path) -> bool:
    """Whether a folder is empty, or holds only what a start that was killed at once leaves behind."""
    made = {".lock", "environment.json", "checkpoints", "exports"}
    names = [
        entry.name for entry in folder.iterdir() if not (entry.name.startswith(".") and entry.name.endswith(".tmp"))
    ]
    return set(names) <= made and not any(any((folder / name).glob("*")) for name in ("checkpoints", "exports"))


def start_run(out: str | Path, config: Mapping[str, Any], verb: str, device: str = "") -> Run:
    """Create the run directory, or open it to resume; the caller has called `check_out`.

    Args:
        out: The directory.
        config: The resolved settings.
        verb: ``pretrain`` or ``finetune``.
        device: What it computes on, in words, for the record.

    Raises:
        InputError: Another live process writes to this run, or the folder cannot be created.
    """
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot create the run folder: {error.strerror}", where=str(out), fix="choose another out="
        ) from error
    run = Run(folder)
    run.lock()
    run.checkpoints_dir.mkdir(exist_ok=True)
    run.exports_dir.mkdir(exist_ok=True)
    if not (folder / "environment.json").exists():
        write_atomically(folder / "environment.json", json.dumps(describe_environment(verb, device), indent=2) + "\n")
    text = yaml.safe_dump(_plain(config), sort_keys=False, allow_unicode=True)
    write_atomically(folder / "config.yaml", f"# settings of this codo {verb} run, resolved\n{text}")
    with (folder / "command.txt").open("a", encoding="utf-8") as handle:
        stamp = datetime.now().astimezone().isoformat(timespec="seconds")
        handle.write(f"{shlex.join(sys.argv)}  # {stamp}\n")
    return run


def describe_environment(verb: str, device: str = "") -> dict[str, Any]:
    """Versions and machine, as recorded with every run and export."""
    packages = {}
    for name in ("codo-detect", "torch", "torchvision", "numpy", "numba", "opencv-python-headless", "hotcoco"):
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "verb": verb,
        "packages": packages,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        **({"device": device} if device else {}),
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as YAML gives them back (tuples become lists, numbers keep their type)."""
    values: dict[str, Any] = json.loads(json.dumps(config))
    return values
