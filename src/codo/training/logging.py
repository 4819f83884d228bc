"""What a run writes while it trains: metrics.jsonl, train.log, a progress bar, and trackers by choice.

``metrics.jsonl`` holds one JSON object a logged step with all values of that step. Names: ``loss/P2`` … by level,
``time/…`` for what differs from run to run even when nothing else does, ``alarms`` for messages.

What is said in words goes to the standard library's logger ``codo.training`` as well, for programs that route messages.
"""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from tqdm import tqdm

from codo.core.errors import CodoError
from codo.core.io import write_atomically
from codo.core.run import Run
from codo.training.log_settings import LogSettings
from codo.training.trackers import Tracker, open_trackers

LOGGER = logging.getLogger(__name__)
# A run tells the terminal itself, between the lines of its bar; without a handler Python would say warnings once more.
LOGGER.addHandler(logging.NullHandler())


class RunLog:
    """The log of a run on rank 0; elsewhere (``run=None``) everything is a no-op.

    Args:
        run: Where to write.
        settings: See `LogSettings`.
        start: Steps done before; later lines of an interrupted attempt are dropped, since those steps come again.
        total: Steps of the whole run, for the bar.
        unit: What the bar counts.
    """

    def __init__(self, run: Run | None, settings: LogSettings, *, start: int, total: int, unit: str = "step") -> None:
        self.run, self.settings = run, settings
        self._warned: set[str] = set()
        self.trackers: list[Tracker] = []
        quiet = run is None or not settings.progress or not sys.stderr.isatty()
        self._bar = tqdm(total=total, initial=start, unit=unit, dynamic_ncols=True, disable=quiet)
        # Without a bar, a line for every tenth of the run.
        self._spoken, self._tenth = start, max(1, total // 10)
        if run is None:
            return
        kept = [row for row in run.metrics() if start and row["step"] <= start]
        write_atomically(run.metrics_file, "".join(json.dumps(row) + "\n" for row in kept))
        self._metrics = run.metrics_file.open("a", encoding="utf-8")
        self._text = (run.path / "train.log").open("a", encoding="utf-8")
        self.trackers = open_trackers(settings, run, start)

    def row(self, step: int, values: Mapping[str, Any]) -> None:
        """Write the values of a step on one line."""
        if self.run is None:
            return
        # JSON has no NaN; null keeps the file readable by everything.
        clean = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        _append(self._metrics, json.dumps({"step": step, **clean}) + "\n")
        scalars = {k: float(v) for k, v in clean.items() if isinstance(v, int | float)}
        for tracker in self.trackers:
            tracker.log(scalars, step)
        if self._bar.disable:
            speaks = self.settings.progress and step // self._tenth > self._spoken // self._tenth
            self.say(f"step {step}: {_summary(scalars)}", echo=speaks)
            self._spoken = step if speaks else self._spoken

    def advance(self, step: int, shown: Mapping[str, str] | None = None) -> None:
        """Move the bar to ``step``."""
        if shown is not None:
            self._bar.set_postfix(shown, refresh=False)
        self._bar.update(step - self._bar.n)

    def say(self, message: str, *, echo: bool = True) -> None:
        """Write a line to train.log and the logger, and to the terminal."""
        if self.run is not None:
            self._write(message, echo=echo)
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
        """Write warnings that have not been written before."""
        for message in messages:
            if message and message not in self._warned:
                self._warned.add(message)
                self.warn(message)

    def close(self) -> None:
        """Flush and close everything."""
        self._bar.close()
        if self.run is not None:
            for handle in (self._metrics, self._text):
                with suppress(OSError):  # a full disk has been reported already
                    handle.close()
            for tracker in self.trackers:
                tracker.close()


def _append(handle: Any, text: str) -> None:
    try:
        handle.write(text)
        handle.flush()
    except OSError as error:
        raise CodoError(
            f"cannot write the log: {error.strerror}",
            where=handle.name,
            fix="free some space; the same command resumes",
        ) from error


def _summary(values: Mapping[str, float]) -> str:
    return " ".join(
        f"{name}={values[name]:.4g}" for name in ("loss", "lr", "invariance", "time/images_per_s") if name in values
    )
