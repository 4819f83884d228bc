"""Errors that tell the user what happened, where, and how to fix it."""

from __future__ import annotations

import sys
from collections.abc import Sequence


class CodoError(Exception):
    """Base of all errors for users; the message has three short lines.

    Args:
        what: What happened, in one line, with the offending value.
        where: The file, setting or step where it happened.
        fix: How to fix it, in the imperative.

    Example:
        >>> import codo
        >>> try:
        ...     codo.open_run("runs/none")
        ... except codo.CodoError as error:
        ...     print(error)
        not a run directory (no config.yaml)
          where: runs/none
          fix:   give the out= folder of a pretrain or finetune
    """

    exit_code = 1
    told: bool | None = None
    """Whether another process of the same command prints the message, so that this one does not; ``None``: unknown."""

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__("\n".join(self.lines()))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with all three parts: loader workers send their errors to the main process."""
        return (_rebuild, (type(self), self.what, self.where, self.fix))

    def lines(self) -> list[str]:
        """The message as it is printed: what, where, fix, without the empty ones."""
        where = f"  where: {self.where}" if self.where else ""
        fix = f"  fix:   {self.fix}" if self.fix else ""
        return [line for line in (self.what, where, fix) if line]


class InputError(CodoError):
    """Bad input or configuration; nothing has been written (exit code 2)."""

    exit_code = 2


class Interrupted(CodoError):
    """Ctrl-C; a checkpoint has been saved (exit code 130 = 128 + SIGINT)."""

    exit_code = 130


class Preempted(CodoError):
    """SIGTERM or SIGUSR1 from a scheduler; a checkpoint has been saved (exit code 143 = 128 + SIGTERM)."""

    exit_code = 143


DAMAGE = (ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, RuntimeError, TypeError, ValueError)
"""What readers of damaged or hostile bytes raise besides errors of their own: they compute with what is there."""


def print_error(lines: Sequence[str]) -> None:
    """Print the lines of an error to standard error, with the name of the program."""
    print(f"codo: {lines[0]}", *lines[1:], sep="\n", file=sys.stderr)


def system_error(error: BaseException) -> OSError | None:
    """The `OSError` in the context of another error: torch's error of a failed write does not give the reason."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause
        cause = cause.__context__
    return None


def first_line(error: BaseException) -> str:
    """The message of an error in one line: ``strerror`` if it has one, else its first line, else its class."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def class_and_line(error: BaseException) -> str:
    """The class and first line of an unexpected error: ``KeyError: 'name'``."""
    name, line = type(error).__name__, first_line(error)
    return name if line == name else f"{name}: {line}"


def _rebuild(kind: type[CodoError], what: str, where: str, fix: str) -> CodoError:
    return kind(what, where=where, fix=fix)


def nearest(name: str, known: list[str]) -> str:
    """``did you mean 'x'?`` with the most similar known name, or an empty string when none is similar."""
    import difflib

    match = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean '{match[0]}'?" if match else ""
