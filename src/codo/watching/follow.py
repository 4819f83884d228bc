"""Rebuild a page while its run goes on, and serve it until Ctrl-C."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from codo.advice.progress import Progress
from codo.core.errors import class_and_line
from codo.watching.page_server import PageServer, Shown
from codo.watching.sources import REST, Signature, Source, open_source

POLL = 1.0
"""Seconds between two looks at the files."""


def follow(path: str | Path, *, port: int = 0, stop: threading.Event | None = None) -> None:
    """Serve the report of a run, or the page of a comparison, on 127.0.0.1, and refresh it while it changes.

    Prints the address, and then the state whenever it changes. Nothing is written. Returns after Ctrl-C.

    Args:
        path: A folder that ``codo pretrain``, ``finetune`` or ``compare`` is writing to, or has written.
        port: The port; 0 for a free one.
        stop: Ends it when set; by default only Ctrl-C does.

    Raises:
        InputError: ``path`` is neither a run nor a comparison, or the port is taken.
    """
    source = open_source(path)
    stop = stop or threading.Event()
    server = PageServer(port)
    try:
        watcher = Watcher(source, server, lambda words: print(words, flush=True))
        watcher.look()
        print(f"{server.url}\nOnly browsers of this machine can open it. Ctrl-C ends it; the run goes on.", flush=True)
        while not stop.wait(POLL):
            watcher.look()
    except KeyboardInterrupt:
        print("\nno longer followed", file=sys.stderr)
    finally:
        server.close()


class Watcher:
    """Shows a source on a server, and builds its page again when its files have changed, but not too often.

    Args:
        source: What is followed.
        server: Where it is shown.
        announce: Gets a line whenever the source starts, stops or ends.
        clock: Seconds, from any start.
    """

    def __init__(
        self,
        source: Source,
        server: PageServer,
        announce: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self.server, self.announce, self.clock = source, server, announce, clock
        self._html, self._trouble = "", ""
        self._seen: Signature | None = None
        self._announced: str | None = None
        self._rest_until = -1.0

    def look(self) -> None:
        """Look at the files once, and show what has changed."""
        progress = self.source.progress()
        seen = (*self.source.signature(), progress.state)
        began = self.clock()
        if seen != self._seen and (began >= self._rest_until or progress.state != "running"):
            self._build(progress)
            self._seen = seen
            self._rest_until = self.clock() + REST * (self.clock() - began)
        self.server.show(Shown(self._html, progress.state, f"{progress}{self._trouble}"))
        if progress.state != self._announced:
            self.announce(str(progress))
            self._announced = progress.state

    def _build(self, progress: Progress) -> None:
        """Build the page; if that fails, the one before stays, with a note."""
        try:
            self._html = self.source.html(progress)
            self._trouble = f" (page of {datetime.now().astimezone():%H:%M:%S})"
        except Exception as error:  # files that are being written; a page that fails must not end the watching
            self._html = self._html or _EMPTY
            self._trouble = f" (the page could not be rebuilt: {class_and_line(error)})"


_EMPTY = "<!doctype html><html lang=en><title>codo view</title><header></header><main></main></body></html>"
