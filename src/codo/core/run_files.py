"""Reading the files of a run even if some are missing or damaged: failed runs need a report most of all."""

from __future__ import annotations

import shlex
from typing import Any

from codo.core.errors import InputError
from codo.core.run import Run


def config_of(run: Run) -> dict[str, Any]:
    """The settings; empty if the file is missing or damaged."""
    try:
        return run.config
    except InputError:
        return {}


def environment_of(run: Run) -> dict[str, Any]:
    """The recorded environment; empty if the file is missing or damaged."""
    try:
        return run.environment
    except (OSError, ValueError):
        return {}


def commands_of(run: Run) -> list[str]:
    """The lines of command.txt."""
    path = run.path / "command.txt"
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []


def recipe_of(run: Run) -> str:
    """The recipe given by ``-c`` on the run's first command line; empty without one."""
    for command in commands_of(run)[:1]:
        try:
            words = shlex.split(command, comments=True)
        except ValueError:
            continue
        for word, value in zip(words, [*words[1:], ""], strict=True):
            if word in ("-c", "--config") and value:
                return value
    return ""


def warnings_of(run: Run) -> list[str]:
    """The warnings in train.log without duplicates; its lines have the form ``TIME WARNING message``."""
    path = run.path / "train.log"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    parts = [line.split(" ", 2) for line in lines]
    return list(dict.fromkeys(words[2] for words in parts if len(words) == 3 and words[1] == "WARNING"))
