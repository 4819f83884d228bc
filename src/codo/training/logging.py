"""The log of a run: metrics.jsonl, train.log, a progress bar, and optional trackers.

``metrics.jsonl`` has one JSON object per logged step with all values of that step. Names: ``loss/P2`` … by level,
``time/…`` for values that differ between otherwise identical runs, ``alarms`` for messages.

Messages also go to the standard library's logger ``codo.training``, for programs that route log messages.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from tqdm import tqdm

from codo.core.errors import CodoError
from codo.core.io import write_atomically
from codo.core.numbers import duration
from codo.core.run import Run
from codo.training.log_settings import LogSettings
from codo.training.trackers import Tracker, open_trackers

LOGGER = logging.getLogger(__name__)
# A run writes to the terminal itself, above its progress bar; without a handler Python would print warnings again.
LOGGER.addHandler(logging.NullHandler())


class RunLog:
    """The log of a run on rank 0; on other ranks (``run=None``) every method is a no-op.

    Attributes:
        pending: A step and values of it that are logged together with those of its slow checks, in which the run may be
            stopped: they go into the checkpoint saved before.

    Args:
        run: The run directory.
        settings: See `LogSettings`.
        start: Number of steps done before; later lines are removed, since those steps are repeated.
        total: Total number of steps of the run, for the progress bar.
        unit: Unit of the progress bar.
    """

    def __init__(self, run: Run | None, settings: LogSettings, *, start: int, total: int, unit: str = "step") -> None:
        self.run, self.settings = run, settings
        self._warned: set[str] = set()
        self.pending: tuple[int, Mapping[str, Any]] | None = None
        self.trackers: list[Tracker] = []
        quiet = run is None or settings.quiet or not settings.progress or not _shows_bars()
        self._bar = tqdm(total=total, initial=start, unit=unit, dynamic_ncols=True, disable=quiet)
        # Without a progress bar, print a line after every tenth of the run.
        self._printed, self._tenth = start, max(1, total // 10)
        self._start, self._total, self._began = start, total, time.monotonic()
        if run is None:
            return
        kept = [row for row in run.metrics() if start and row["step"] <= start]
        write_atomically(run.metrics_file, "".join(json.dumps(row) + "\n" for row in kept))
        self._metrics = run.metrics_file.open("a", encoding="utf-8")
        self._text = (run.path / "train.log").open("a", encoding="utf-8")
        self.trackers = open_trackers(settings, run, start)

    def row(self, step: int, values: Mapping[str, Any]) -> None:
        """Write the values of a step on one line, with the pending ones of that step."""
        if self.run is None:
            return
        if self.pending is not None:
            (at, before), self.pending = self.pending, None
            if at != step:
                self.row(at, before)
            values = {**before, **values} if at == step else values
        # JSON has no NaN; null keeps the file readable by everything.
        clean = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        _append(self._metrics, json.dumps({"step": step, **clean}) + "\n")
        scalars = {k: float(v) for k, v in clean.items() if isinstance(v, int | float)}
        for tracker in self.trackers:
            tracker.log(scalars, step)
        echo = bool(self._bar.disable) and self.settings.progress and step // self._tenth > self._printed // self._tenth
        left = self._left(step) if echo else ""
        self.info(f"step {step}/{self._total}{left}: {_summary(scalars)}", echo=echo)
        self._printed = step if echo else self._printed

    def unlogged(self, step: int) -> dict[str, Any]:
        """``{"row": …}`` with the pending values of a step, for its checkpoint; empty without any."""
        if self.pending is None or self.pending[0] != step:
            return {}
        return {"row": json.loads(json.dumps(self.pending[1]))}  # nothing but plain numbers and texts

    def _left(self, step: int) -> str:
        """How long the rest will take, at the rate so far."""
        done, left = step - self._start, self._total - step
        if done < 1 or left < 1:
            return ""
        return f", {duration((time.monotonic() - self._began) / done * left)} left"

    def advance(self, step: int, postfix: Mapping[str, str] | None = None) -> None:
        """Move the progress bar to ``step``."""
        if postfix is not None:
            self._bar.set_postfix(postfix, refresh=False)
        self._bar.update(step - self._bar.n)

    def info(self, message: str, *, echo: bool = True) -> None:
        """Write a message to train.log and the logger, and with ``echo`` to the terminal, unless that is ``quiet``."""
        if self.run is not None:
            self._write(message, echo=echo and not self.settings.quiet)
            LOGGER.info("%s", message)

    def warn(self, message: str) -> None:
        """Write a warning."""
        if self.run is not None:
            self._write(f"WARNING {message}", echo=True)
            LOGGER.warning("%s", message)

    def _write(self, line: str, *, echo: bool) -> None:
        _append(self._text, f"{datetime.now().astimezone().isoformat(timespec='seconds')} {line}\n")
        if echo:
            tqdm.write(line, file=sys.stderr)

    def warn_once(self, *messages: str | None) -> None:
        """Write warnings that are new, whatever their parentheses hold: an alarm has the numbers of its step there."""
        for message in messages:
            if message and (kind := re.sub(r"\([^()]*\)", "", message)) not in self._warned:
                self._warned.add(kind)
                self.warn(message)

    def close_trackers(self) -> None:
        """Flush and close the trackers."""
        while self.trackers:
            self.trackers.pop().close()

    def close(self) -> None:
        """Flush and close everything."""
        self._bar.close()
        if self.run is not None:
            for handle in (self._metrics, self._text):
                with suppress(OSError):  # a full disk has been reported already
                    handle.close()
            self.close_trackers()


def _shows_bars() -> bool:
    """Whether messages go to a terminal with a width: those of some containers have none, and a bar would be empty."""
    try:
        return sys.stderr.isatty() and os.get_terminal_size(sys.stderr.fileno()).columns > 0
    except (OSError, ValueError):  # a stand-in for a terminal, which has no number
        return False


def _append(handle: Any, text: str) -> None:
    try:
        handle.write(text)
        handle.flush()
    except OSError as error:
        fix = "free disk space, then run the same command again to resume"
        raise CodoError(f"cannot write the log: {error.strerror}", where=handle.name, fix=fix) from error


def _summary(values: Mapping[str, float]) -> str:
    return " ".join(
        f"{name}={values[name]:.4g}" for name in ("loss", "lr", "invariance", "time/images_per_s") if name in values
    )
