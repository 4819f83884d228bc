"""Which commit of CoDo this is: from the checkout, or written into the package when it was built (``setup.py``)."""

from __future__ import annotations

import subprocess
from functools import lru_cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@lru_cache
def commit(package: Path = PACKAGE) -> str:
    """The abbreviated commit, with ``+changes`` where files differ from it; empty if it is not known.

    Args:
        package: The folder of the package.
    """
    checkout = package.parents[1]
    if (checkout / ".git").exists() and package == checkout / "src" / "codo":
        command = ["git", "-C", str(checkout), "describe", "--always", "--dirty=+changes", "--abbrev=12", "--exclude=*"]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
        except (OSError, subprocess.SubprocessError):  # no git here, or a checkout of another user
            return ""
    try:
        return (package / "commit.txt").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
