"""Checkpoints: the complete training state, in one file per checkpoint.

::

    checkpoints/
      step-00000123.pt   torch zip file, loaded with weights_only=True:
        format           1
        step             number of steps done
        method           state_dict: query and key encoder, queues and their pointers (or a detector); parts that are
                         frozen (model.freeze) are in both encoders by name, and stored once
        optimizer        state_dict
        rng              state of torch's CPU generator; only used by earlier versions, every step now seeds it
        config           resolved settings
        row              only before a slow check, such as an evaluation: values of the step that are not logged yet
      last               the name of the newest file

The position in the data and in the schedule, and the random numbers of a step, are functions of ``step``, so they need
no state. Nothing depends on the number of processes. A file is written under a temporary name, flushed to disk, then
renamed, so a crash leaves the older checkpoints intact. Reading verifies the CRC of every record; if a file is
incomplete or damaged, the checkpoint before it is used.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from codo.core.errors import CodoError, InputError, first_line, system_error
from codo.core.io import open_atomically, write_atomically
from codo.core.run import Run, checkpoint_order
from codo.models.weight_files import are_stored

log = logging.getLogger(__name__)

FORMAT = 1


def save(run: Run, step: int, state: dict[str, Any], keep: int) -> Path:
    """Write the checkpoint of ``step`` and delete all but the newest ``keep``.

    Raises:
        CodoError: The disk is full or not writable; earlier checkpoints are unchanged.
    """
    path = _path(run, step)
    try:
        with open_atomically(path) as file:
            torch.save({"format": FORMAT, "step": step, **state}, file)
        for damaged in _files_around(run, step)[1]:  # skipped on resuming
            damaged.unlink(missing_ok=True)
        complete(run, step, keep)
    except (OSError, RuntimeError) as error:  # torch turns a failed write into a RuntimeError
        kept = [file.name for file in _files_around(run, step)[0] if file != path]
        raise CodoError(
            f"cannot save the checkpoint of step {step}: {first_line(system_error(error) or error)}",
            where=str(path),
            fix="free disk space, then run the same command again: "
            f"it resumes from {kept[-1] if kept else 'the beginning'}",
        ) from error
    return path


def complete(run: Run, step: int, keep: int) -> None:
    """Let ``last`` name the checkpoint of ``step``, and delete all but the newest ``keep`` up to it.

    Also on resuming: a process that was killed in `save` may have written the checkpoint and no more.
    """
    last, name = run.checkpoints_dir / "last", _path(run, step).name
    if not last.is_file() or last.read_text(encoding="utf-8") != f"{name}\n":
        write_atomically(last, f"{name}\n")
    for old in _files_around(run, step)[0][:-keep]:
        old.unlink(missing_ok=True)


def _path(run: Run, step: int) -> Path:
    return run.checkpoints_dir / f"step-{step:08d}.pt"


def _files_around(run: Run, step: int) -> tuple[list[Path], list[Path]]:
    """The checkpoints up to ``step``, and those after it."""
    files, here = run.checkpoints(), checkpoint_order(_path(run, step))
    return [file for file in files if checkpoint_order(file) <= here], [
        file for file in files if checkpoint_order(file) > here
    ]


def remove_temporary(run: Run) -> None:
    """Remove the temporary files of a killed process; only call it while holding the lock of the run."""
    for leftover in run.checkpoints_dir.glob("*.tmp"):
        leftover.unlink(missing_ok=True)


def load_last(run: Run, warn: Callable[[str], None] | None = None) -> dict[str, Any] | None:
    """Load the newest intact checkpoint to the CPU; ``None`` without one.

    Args:
        run: The run.
        warn: Called with a message for every damaged file that is skipped; by default it is logged to standard error.
    """
    warn = warn or (lambda message: log.warning("WARNING %s", message))
    paths = run.checkpoints()
    for i in reversed(range(len(paths))):
        try:
            return load(paths[i])
        except InputError:  # not damaged, but unreadable or too new: skipping it would discard training steps
            raise
        except CodoError as error:
            instead = f"using {paths[i - 1].name} instead" if i else "there is no earlier checkpoint"
            warn(f"{error.what} ({paths[i]}); {instead}")
    return None


def load_newest(run: Run, warn: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Load the newest intact checkpoint to the CPU, or raise.

    Args:
        run: The run.
        warn: See `load_last`.

    Raises:
        InputError: There is no checkpoint, or none is intact.
    """
    state = load_last(run, warn)
    if state is not None:
        return state
    if run.checkpoints():
        fix = "run the training command again: it starts from the beginning"
        raise InputError("every checkpoint of the run is damaged", where=str(run.checkpoints_dir), fix=fix)
    raise InputError("the run has no checkpoint yet", where=str(run.path), fix="let it train for a while")


def load(path: Path) -> dict[str, Any]:
    """Load one checkpoint to the CPU, after verifying all of its records.

    Raises:
        InputError: The file does not exist, is not readable, or was written by a newer version of CoDo.
        CodoError: The file is incomplete, damaged, or not a checkpoint.
    """
    if not path.is_file():
        raise InputError("no such checkpoint", where=str(path), fix="check the path")
    try:
        _check_records(path)
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        version, _ = int(state["format"]), int(state["step"])
        if version <= FORMAT and not all(isinstance(name, str) for name in dict(state["method"])):
            raise ValueError("a tensor has no name")
    except PermissionError as error:
        raise InputError("cannot read the checkpoint", where=str(path), fix="fix its permissions") from error
    except Exception as error:  # damaged bytes can raise almost any exception
        reason = first_line(system_error(error) or error)
        raise CodoError(
            f"the checkpoint is damaged: {reason}", where=str(path), fix="use another checkpoint"
        ) from error
    if version > FORMAT:
        raise InputError(
            f"checkpoint format {version} is newer than this CoDo", where=str(path), fix="upgrade codo-detect"
        )
    return state


def _check_records(path: Path) -> None:
    """Read every record of a zip file, which verifies its CRC.

    In large chunks: computing a CRC releases the GIL, but has to acquire it again after every chunk.

    Raises:
        zipfile.BadZipFile: A record is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        if not are_stored(archive):
            raise zipfile.BadZipFile("a record is compressed")
        for name in archive.namelist():
            with archive.open(name) as record:
                while record.read(1 << 26):
                    pass
