"""The parser of one verb of the command line: settings beside options, in any order."""

from __future__ import annotations

import argparse
from typing import Any


class VerbParser(argparse.ArgumentParser):
    """The parser of a verb. Settings may stand anywhere, and ``out=DIR`` is the same as ``--out DIR``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._with_value: set[str] = set()  # options that take a value, with their dashes
        self._intermixed = False
        super().__init__(*args, **options)

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """Add an argument; an option with a value may also be given as ``name=value``."""
        action = super().add_argument(*names, **options)
        if action.option_strings and action.nargs is None:
            self._with_value |= set(action.option_strings)
        return action

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse options first, then everything else: argparse alone refuses settings after an option."""
        if self._intermixed:
            return super().parse_known_args(args, namespace)
        self._intermixed = True
        try:
            return self.parse_known_intermixed_args(self._as_options(list(args)), namespace)
        finally:
            self._intermixed = False

    def _as_options(self, words: list[str]) -> list[str]:
        """Turn ``out=DIR`` into ``--out=DIR`` where the verb has such an option."""
        found = []
        for before, word in zip(["", *words], words, strict=False):
            name, equals, _ = word.partition("=")
            named = equals and f"--{name}" in self._with_value and before not in self._with_value
            found.append(f"--{word}" if named else word)
        return found
