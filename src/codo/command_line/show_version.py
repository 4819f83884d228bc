"""The option ``--version``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from codo.core.version import commit


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
