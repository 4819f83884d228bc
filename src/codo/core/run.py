"""The run directory: the output folder of a pretraining or finetuning run, and the rules for resuming it.

::

    RUN/
      config.yaml          every setting, resolved; can be given to -c again
      command.txt          the command lines that started or resumed this run, one per line
      environment.json     verb, versions, devices of the first start
      train.log            what was printed, with times
      metrics.jsonl        one JSON object per logged step, with all values of that step
      checkpoints/
        step-00000123.pt   see training/checkpoint.py
        last               the name of the newest checkpoint
        best.pt            with probe.stop_below_start: the checkpoint with the best labeled probes
      mlflow_run_id        with MLflow: id of the MLflow run, which is continued on resuming
      exports/             exported weights (codo export)
      pairs.npz            of ORL: pairs of similar objects (loading/object_pairs.py)
      alphas.bin           of DiLo: the salient part of every image (loading/stored_alphas.py)
      health.json          of pretraining: reference values of the alarms (evaluation/health.py)
      contents.json        which images and labels it was begun with (loading/contents.py)
      views.json           of pasted views: what the first batch shows of its proposals (loading/first_views.py)
      report.html          the report, one self-contained page

Running the same command again resumes. A run with other settings is refused, and the differences are shown, unless
only settings in `NEUTRAL` differ: they change how a run is executed, never what it computes. Only rank 0 writes.
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

from codo.core.config import differences, read_yaml, refuse_other_settings
from codo.core.errors import InputError
from codo.core.io import FileLock, write_atomically
from codo.core.renamed import upgrade
from codo.core.version import commit

NEUTRAL = (
    *("out", "mirror", "workers", "cache", "local_copy", "log", "checkpoint_every", "keep_checkpoints", "distributed"),
    *("near_duplicates", "probe.near_duplicates"),  # what a warning looks at
)


class Run:
    """An existing run directory, created by `open_run` and `start_run`.

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
        """The resolved settings as nested dictionaries, with the current names."""
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
        """File of the logged steps."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints_dir(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def exports_dir(self) -> Path:
        """Default folder of exported weights."""
        return self.path / "exports"

    def metrics(self) -> list[dict[str, Any]]:
        """The logged steps in order; lines that a crash left incomplete are skipped."""
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
        return sorted(self.checkpoints_dir.glob("step-*.pt"), key=checkpoint_order)

    def newest_checkpoint(self) -> str:
        """Name of the newest checkpoint file; empty without one."""
        return next((path.name for path in reversed(self.checkpoints())), "")

    def lock(self) -> None:
        """Lock the run for this process, until `unlock` or its end.

        Raises:
            InputError: Another running process writes to this run.
        """
        if not self._lock.acquire():
            fix = "wait for it, or choose another out="
            raise InputError("another process is writing to this run", where=str(self.path), fix=fix)

    @property
    def busy(self) -> bool:
        """Whether another running process writes to this run."""
        return self._lock.taken

    def unlock(self) -> None:
        """Let other processes write to this run."""
        self._lock.release()


def open_run(path: str | Path) -> Run:
    """Open a run directory for reading.

    Raises:
        InputError: ``path`` is not a run directory.

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


def check_out(out: str | Path, config: Mapping[str, Any], verb: str = "") -> bool:
    """Whether ``out`` holds a run with these settings (resume) or is free (start); nothing is written.

    A folder whose run was killed before it recorded its settings counts as free (`is_unstarted`).

    Args:
        out: The folder.
        config: The resolved settings.
        verb: ``pretrain`` or ``finetune``; empty: not checked.

    Raises:
        InputError: ``out`` is a file, holds something else, or holds a run of another verb or with other settings.
    """
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise InputError("out= is a file", where=str(out), fix="name a folder")
    if not folder.exists() or is_unstarted(folder):
        return False
    if not is_run(folder):
        raise InputError("out= is not empty and not a run", where=str(out), fix="choose an empty or new folder")
    refuse_other_run(Run(folder).config, Run(folder).verb, config, verb, setting="out", where=str(out))
    return True


def refuse_other_run(
    recorded: Mapping[str, Any], recorded_verb: str, config: Mapping[str, Any], verb: str, *, setting: str, where: str
) -> None:
    """Refuse to resume a run with other settings.

    Args:
        recorded: The settings of the run that is there, with the current names.
        recorded_verb: Its verb.
        config: The settings of the command.
        verb: ``pretrain`` or ``finetune``; empty: not checked.
        setting: The setting that names the place: ``out`` or ``mirror``.
        where: The place.

    Raises:
        InputError: It is a run of another verb or with other settings.
    """
    if verb and recorded_verb != verb:
        what = f"{setting}= holds a run of codo {recorded_verb}, and this is codo {verb}"
        raise InputError(what, where=where, fix=f"choose another {setting}=")
    wanted = _plain(config)
    fix = f"choose another {setting}=, or give the settings of that run to resume it"
    if any(one.startswith(("steps:", "epochs:")) for one in differences(recorded, wanted, NEUTRAL)):
        start = "weights" if verb == "finetune" else "model.init"
        fix = (
            f"the learning rate follows the length, so a run keeps its own: for more, another {setting}= and "
            f"{start}={where}"
        )
    refuse_other_settings(recorded, wanted, NEUTRAL, what=f"{setting}= holds a run", where=where, fix=fix)


def is_unstarted(folder: Path) -> bool:
    """Whether a folder is empty, or holds only the files of a run that was killed while it started."""
    known = {".lock", "environment.json", "checkpoints", "exports"}
    names = [
        entry.name for entry in folder.iterdir() if not (entry.name.startswith(".") and entry.name.endswith(".tmp"))
    ]
    return set(names) <= known and not any(any((folder / name).glob("*")) for name in ("checkpoints", "exports"))


def start_run(
    out: str | Path, config: Mapping[str, Any], verb: str, device: str = "", *, newest: str | None = None
) -> Run:
    """Create the run directory, or open it to resume; call `check_out` first.

    Args:
        out: The directory.
        config: The resolved settings.
        verb: ``pretrain`` or ``finetune``.
        device: Description of the device, for the record.
        newest: Name of the checkpoint that the caller has seen as the newest one, empty if it has seen none.

    Raises:
        InputError: Another running process writes to this run or has trained it further since ``newest`` was seen, or
            the folder cannot be created.
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
    if newest is not None and newest != run.newest_checkpoint():
        run.unlock()
        what = "another process has trained this run further in the meantime"
        raise InputError(what, where=str(out), fix="run the same command again to resume")
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


def checkpoint_order(path: Path) -> tuple[int, str]:
    """Sorts checkpoint files by step: names have eight digits, and more from 100 million steps on."""
    return len(path.name), path.name


def describe_environment(verb: str, device: str = "") -> dict[str, Any]:
    """Versions and machine, recorded with every run and export."""
    packages = {}
    for name in ("codo-detect", "torch", "torchvision", "numpy", "numba", "opencv-python-headless", "hotcoco"):
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "verb": verb,
        "packages": packages,
        **({"commit": commit()} if commit() else {}),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        **({"device": device} if device else {}),
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as they are after writing and reading YAML (tuples become lists, numbers keep their type)."""
    values: dict[str, Any] = json.loads(json.dumps(config))
    return values
