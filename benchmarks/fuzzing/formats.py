"""What a format is to the fuzzer. The formats themselves: ``registry.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

REFUSED, REJECTED, ACCEPTED = "refused", "rejected", "accepted"
FAILURE, CRASH, HANG = "failure", "crash", "hang"
GOOD = (REFUSED, REJECTED, ACCEPTED)
"""Refused by an error for users; read, with a row in rejected.csv or a warning; read."""


class Mutant(NamedTuple):
    """A mutant to write.

    Attributes:
        data: Its bytes.
        expected: Images that are in it for certain, whatever else is; ``None`` where that is not known.
    """

    data: bytes
    expected: int | None = None


class Given(NamedTuple):
    """A mutant on disk.

    Attributes:
        path: The file.
        expected: See `Mutant`.
        seeds: The folder of the valid files of its format.
    """

    path: Path
    expected: int | None
    seeds: Path


class Outcome(NamedTuple):
    """What became of a mutant: one of the constants above, and why."""

    kind: str
    why: str = ""


Mutator = Callable[[Random, Sequence[bytes], Sequence[object]], Mutant]
"""``mutator(rng, seeds, values)``; ``values`` are drawn by Hypothesis for the batch."""

Reader = Callable[[Sequence[Given], Path], Iterator[Outcome]]
"""``reader(mutants, folder)``: an outcome for each in order, writing below ``folder`` only. Errors for users that it
lets through count as refusals of the mutant whose turn it is, all other exceptions as failures."""


class Format(NamedTuple):
    """One kind of file.

    Attributes:
        name: On the command line and in the table.
        suffix: Of its files.
        seeds: Writes valid files into an empty folder; may take seconds, done once.
        mutate: Makes a mutant of them.
        read: Gives mutants to the entry point that users give them to.
        read_all: The same for formats of which many are given in one call.
        seconds: CPU time after which a mutant hangs (of those that are read together: all).
    """

    name: str
    suffix: str
    seeds: Callable[[Path], None]
    mutate: Mutator
    read: Callable[[Given, Path], Outcome] | None
    read_all: Callable[[Sequence[Given], Path], list[Outcome]] | None = None
    seconds: float = 20

    @property
    def together(self) -> bool:
        """Whether mutants are read in one call, so that one that crashes is found by halving."""
        return self.read_all is not None
