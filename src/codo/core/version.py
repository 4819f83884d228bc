"""Which commit of CoDo this is: from the checkout, or written into the package when it was built (``setup.py``)."""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

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


class ShowVersion(argparse.Action):
    """``--version``: the version, and the commit in brackets if it is known."""

    def __init__(self, option_strings: Sequence[str], dest: str, version: str) -> None:
        self.version = version
        super().__init__(option_strings, dest, nargs=0, help="show program's version number and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Look the commit up, print and exit; looked up here because most commands do not need it."""
        known = f" ({commit()})" if commit() else ""
        print(f"{self.version}{known}")
        parser.exit()
