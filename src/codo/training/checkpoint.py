"""Checkpoints: everything that the next step depends on, in one file.

::

    checkpoints/
      step-00000123.pt   torch zip file, loaded with weights_only=True:
        format           1
        step             steps done
        method           state_dict: query and key encoder, queues and their pointers (or a detector)
        optimizer        state_dict
        rng              state of torch's CPU generator; each step seeds it anew, earlier versions went on with it
        config           resolved settings
      last               the name of the newest file

The position in the data and in the schedule, and the random numbers of a step, are functions of ``step`` and so need no
state of their own. Nothing depends on the number of processes. A file is written under a temporary name, flushed to
disk, then renamed, so that a crash leaves the old ones whole. Reading checks every record's CRC: a torn or damaged file
is passed over for the one before.
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
from codo.core.run import Run

log = logging.getLogger(__name__)

FORMAT = 1


def save(run: Run, step: int, state: dict[str, Any], keep: int) -> Path:
    """Write the checkpoint of ``step`` and delete all but the newest ``keep``.

    Raises:
        CodoError: The disk is full or not writable; the checkpoints before are untouched.
    """
    path = run.checkpoints_dir / f"step-{step:08d}.pt"
    try:
        with open_atomically(path) as file:
            torch.save({"format": FORMAT, "step": step, **state}, file)
        write_atomically(run.checkpoints_dir / "last", path.name + "\n")
    except (OSError, RuntimeError) as error:  # torch turns a failed write into a RuntimeError
        kept = [file.name for file in run.checkpoints() if file.name < path.name]
        raise CodoError(
            f"cannot save the checkpoint of step {step}: {first_line(system_error(error) or error)}",
            where=str(path),
            fix=f"free some space; the same command then resumes from {kept[-1] if kept else 'the start'}",
        ) from error
    files = run.checkpoints()
    newer = [file for file in files if file.name > path.name]  # damaged ones that were passed over on resuming
    for old in [*newer, *[file for file in files if file not in newer][:-keep]]:
        old.unlink(missing_ok=True)
    return path


def remove_temporary(run: Run) -> None:
    """Remove what a killed process left half written; only for the process that holds the run."""
    for leftover in run.checkpoints_dir.glob("*.tmp"):
        leftover.unlink(missing_ok=True)


def load_last(run: Run, warn: Callable[[str], None] | None = None) -> dict[str, Any] | None:
    """The newest checkpoint that is whole, on the CPU; ``None`` when there is none.

    Args:
        run: The run.
        warn: Told of every damaged file that is passed over; by default the user, on standard error.
    """
    tell = warn or (lambda message: log.warning("WARNING %s", message))
    paths = run.checkpoints()
    for i in reversed(range(len(paths))):
        try:
            return load(paths[i])
        except InputError:  # not damage: starting over would throw the run away
            raise
        except CodoError as error:
            instead = f"using {paths[i - 1].name} before it" if i else "and there is none before it"
            tell(f"{error.what} ({paths[i]}); {instead}")
    return None


def load_newest(run: Run, warn: Callable[[str], None] | None = None) -> dict[str, Any]:
    """The same for those who cannot do without.

    Raises:
        InputError: There is no checkpoint, or none is whole.
    """
    state = load_last(run, warn)
    if state is not None:
        return state
    if run.checkpoints():
        fix = "give the same command again: the run then starts from the beginning"
        raise InputError("every checkpoint of the run is damaged", where=str(run.checkpoints_dir), fix=fix)
    raise InputError("the run has no checkpoint yet", where=str(run.path), fix="let it train for a while")


def load(path: Path) -> dict[str, Any]:
    """Read one checkpoint to the CPU, whole or not at all.

    Raises:
        InputError: There is no such file, it cannot be read, or a newer version of CoDo wrote it.
        CodoError: Torn, damaged, or no checkpoint.
    """
    if not path.is_file():
        raise InputError("no such checkpoint", where=str(path), fix="check the path")
    try:
        _check_records(path)
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        version = state["format"]
    except PermissionError as error:
        raise InputError("cannot read the checkpoint", where=str(path), fix="mend its permissions") from error
    except Exception as error:  # damaged bytes raise nearly anything
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
    """Read every record of a zip file, whose CRC is checked on the way.

    In large pieces: adding up a piece leaves the interpreter to other threads, but waits for it at its end.

    Raises:
        zipfile.BadZipFile: A record is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as record:
                while record.read(1 << 26):
                    pass
