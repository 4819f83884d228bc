"""Control groups (cgroups): where Linux keeps the limits of a container, or of a job of a scheduler.

Version 2 has one hierarchy of groups for everything, version 1 one for each controller (``cpu``, ``memory``).
A limit of a group holds for its subgroups too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PROC = Path("/proc/self")
"""The kernel's folder of this process."""


def groups(proc: Path, controller: str) -> Iterator[Path]:
    """Folders of the process's control groups that may have a limit, inner ones first; none on other systems.

    Args:
        proc: The kernel's folder of the process: ``cgroup`` and ``mountinfo`` in it are read.
        controller: What is limited: ``cpu`` or ``memory``.
    """
    # ID:CONTROLLERS:PATH, one line per hierarchy; the line of version 2 has no controllers.
    paths = {}
    for line in lines(proc / "cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers or controller in controllers.split(","):
            paths["cgroup" if controllers else "cgroup2"] = PurePosixPath(path)
    # ID PARENT DEVICE ROOT MOUNT OPTIONS … - TYPE SOURCE OPTIONS; the group ROOT is mounted at MOUNT.
    for line in lines(proc / "mountinfo"):
        before, _, after = line.partition(" - ")
        kind, *options = after.split(" ")
        if kind not in paths or (kind == "cgroup" and controller not in options[-1].split(",")):
            continue
        root, mount = before.split(" ")[3:5]
        # Inside a container its own group may be mounted as the root, while ``cgroup`` still has a path outside of it:
        # then only the mounted group is read.
        inner = paths[kind].relative_to(root) if paths[kind].is_relative_to(root) else PurePosixPath()
        if ".." in inner.parts:
            inner = PurePosixPath()
        yield from (Path(mount) / part for part in (inner, *inner.parents))


def lines(path: Path) -> list[str]:
    """The lines of a file; none where it does not exist or cannot be read."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:  # another system, or a group without this limit
        return []
