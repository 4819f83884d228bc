"""Bringing a run back from its mirror, to a machine that lacks it or its newest steps."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from codo.core.errors import CodoError, InputError
from codo.core.io import explain_full_disk
from codo.core.paths import absolute, is_url, join
from codo.core.remote import RemoteFolder
from codo.core.renamed import upgrade
from codo.core.run import Run, checkpoint_order, refuse_other_run

SETTINGS = ("environment.json", "config.yaml")
"""Files that make a folder a run; they come first, so that a copy that was interrupted is one."""


def restore(mirror: str, out: str | Path, config: Mapping[str, Any], verb: str) -> bool:
    """Copy the run at ``mirror`` to ``out``, if it is further than what is there.

    Args:
        mirror: Where the run is mirrored.
        out: Its folder: empty, missing, or with the same run.
        config: The resolved settings.
        verb: ``pretrain`` or ``finetune``.

    Returns:
        Whether anything was copied.

    Raises:
        InputError: The mirror holds another run, or does not exist; nothing has been written.
        CodoError: It cannot be reached, or the disk is full.
    """
    folder = Path(out)
    check_mirror(mirror, folder)
    remote = RemoteFolder(mirror)
    sizes = remote.sizes()
    if not set(SETTINGS) <= sizes.keys():  # nothing yet, or killed in its first second
        return False
    recorded = upgrade(yaml.safe_load(remote.read("config.yaml")))
    other = json.loads(remote.read("environment.json"))["verb"]
    refuse_other_run(recorded, other, config, verb, setting="mirror", where=mirror)
    there, here = checkpoint_names(sizes), Run(folder).checkpoints()
    behind = there and (not here or checkpoint_order(here[-1]) < checkpoint_order(Path(there[-1])))
    if not behind or Run(folder).busy:
        return False
    rest = sorted(name for name in sizes if name not in SETTINGS and name not in there)
    with explain_full_disk(folder):
        for name in (*SETTINGS, *rest, *there):
            remote.get(name, sizes[name], folder / name)
    return True


def repair(mirror: str, run: Run, load: Callable[[Path], object]) -> bool:
    """Bring back the newest checkpoint of a run from its mirror, if it is damaged here.

    Args:
        mirror: Where the run is mirrored.
        run: The run; its folder may be missing.
        load: Reads a checkpoint; raises a `CodoError` that is no `InputError` if it is damaged.

    Returns:
        Whether it was copied.
    """
    for newest in () if run.busy else run.checkpoints()[-1:]:
        try:
            load(newest)
        except InputError:  # of a later version, or of another user
            return False
        except CodoError:
            remote, name = RemoteFolder(mirror), newest.relative_to(run.path).as_posix()
            if size := remote.sizes().get(name):
                with explain_full_disk(run.path):
                    remote.get(name, size, newest)
                return True
    return False


def checkpoint_names(names: Iterable[str]) -> list[str]:
    """The checkpoints among the names of a run's files, oldest first."""
    found = [path for path in map(Path, names) if path.match("checkpoints/step-*.pt")]
    return [str(path) for path in sorted(found, key=checkpoint_order)]


def part_of(mirror: str | None, out: str, folder: str) -> str | None:
    """The mirror of a run that is one of several in ``out``, by its path there; elsewhere by its last two folders."""
    if mirror is None:
        return None
    inside = os.path.relpath(folder, out)
    return join(absolute(mirror), "/".join(Path(folder).parts[-2:]) if inside.startswith("..") else inside)


def check_mirror(mirror: str, out: Path) -> None:
    """Refuse a mirror inside the run, or around it.

    Raises:
        InputError: It is.
    """
    if is_url(mirror):
        return
    one, other = Path(mirror).resolve(), out.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise InputError("mirror= and out= are in each other", where=mirror, fix="give mirror= another place")
