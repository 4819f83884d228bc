"""Which benchmarks there are. A new one is a module with a `command.run` at its end, and a line here."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One call of a benchmark module.

    Attributes:
        name: How it is called on the command line.
        module: ``benchmarks.MODULE``.
        arguments: Its own options.
        opencv: Whether it takes ``--opencv``, a Python with OpenCV contrib that is made once for all.
        minutes: After which it is given up.
    """

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    opencv: bool = False
    minutes: float = 6


CPU = (
    Entry("startup", "startup"),
    Entry("proposals", "proposals", opencv=True),
    Entry("prepare", "prepare", opencv=True),
    Entry("views", "views", ("--from", "jpeg")),
    Entry("views-packed", "views", ("--from", "packed")),
    Entry("step", "step"),
    Entry("frozen-step", "frozen_step"),
    Entry("roi-pool", "roi_pool"),
    Entry("busy", "busy", ("--rounds", "1", "--steps", "20"), minutes=10),
    Entry("memory", "memory"),
    Entry("listing", "listing", minutes=15),
    Entry("tables", "tables", minutes=1),
    Entry("near-duplicates", "near_duplicates"),
    Entry("freed-memory", "freed_memory", ("--runs", "2"), minutes=15),
    Entry("annotations", "annotations", minutes=15),
    Entry("evaluation", "evaluation"),
    Entry("open-page", "open_page"),
    Entry("before", "before", ("--rounds", "2", "--steps", "30"), minutes=40),
    Entry("resume", "resume"),
    Entry("first-step", "first_step", minutes=8),
)

GPU = (Entry("step", "gpu_step", minutes=45),)
