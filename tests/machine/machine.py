"""A machine and its control groups, as files of the kernel describe them."""

from __future__ import annotations

from pathlib import Path


class Machine:
    """A control-group tree and what the kernel says of a process in it, in files."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.groups = folder / "proc", folder / "cgroup"
        self.proc.mkdir()
        self.groups.mkdir()
        (self.proc / "mountinfo").write_text("22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n")

    def at(self, *lines: str) -> None:
        """The groups of the process, a line for each hierarchy."""
        (self.proc / "cgroup").write_text("".join(f"{line}\n" for line in lines))

    def mount(self, folder: str, kind: str, options: str, root: str = "/") -> None:
        """Where a hierarchy is seen, and which group is the top one there."""
        with (self.proc / "mountinfo").open("a") as file:
            place = self.groups / folder
            file.write(f"31 22 0:28 {root} {place} rw,nosuid shared:9 master:3 - {kind} {kind} rw,{options}\n")

    def write(self, path: str, text: str) -> None:
        """A file of a group."""
        (self.groups / path).parent.mkdir(parents=True, exist_ok=True)
        (self.groups / path).write_text(text)
