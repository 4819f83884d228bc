"""What the files of a run say, whatever is missing or broken: a report is wanted most when something went wrong."""

from __future__ import annotations

import shlex
from typing import Any

from codo.core.errors import InputError
from codo.core.run import Run


def config_of(run: Run) -> dict[str, Any]:
    """The settings; empty when the file is missing or broken."""
    try:
        return run.config
    except InputError:
        return {}


def environment_of(run: Run) -> dict[str, Any]:
    """The recorded environment; empty when the file is missing or broken."""
    try:
        return run.environment
    except (OSError, ValueError):
        return {}


def commands_of(run: Run) -> list[str]:
    """The lines of command.txt."""
    path = run.path / "command.txt"
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []


def recipe_of(run: Run) -> str:
    """The recipe named by ``-c`` on the run's first command line; empty when there is none."""
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
    """The warnings in train.log, each once; lines read ``TIME WARNING message``."""
    path = run.path / "train.log"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    parts = [line.split(" ", 2) for line in lines]
    return list(dict.fromkeys(words[2] for words in parts if len(words) == 3 and words[1] == "WARNING"))
