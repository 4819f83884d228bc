"""The thread that copies a run to its mirror while the run goes on.

It looks at the folder, not at the code that writes it: a file whose size or time has changed is copied again. Files of
a run are renamed into place or only appended to, so a copy taken at any moment is one that a crash could have left.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from codo.core.errors import class_and_line
from codo.core.numbers import duration
from codo.core.remote import RemoteFolder
from codo.core.run import Run, checkpoint_order
from codo.mirror.restore import checkpoint_names

LOOK = 1.0
"""Seconds between two looks at the folder; a new checkpoint is copied at once."""
LOGS = 15.0
"""Seconds between two copies of what else has changed, or `SHARE` times as long as the last one took."""
SHARE = 20
LONGEST_WAIT = 60.0
"""Seconds between two tries when many have failed."""
LAST_TRIES = 3
"""Failed tries at the end of a run, after which it is told what is missing."""
STALLED = 300.0
"""Seconds without any progress at the end of a run, after which it is not waited for."""
LAST = "checkpoints/last"


class Stamp(NamedTuple):
    """What shows that a file has changed."""

    size: int
    time: int


class Mirror:
    """Copies a run to a URL in the background, from `start` to `close`.

    Args:
        run: The run; this process writes it.
        url: Where to.
        warn: Called with a warning, from another thread.
        info: Called with a message, from another thread.
    """

    def __init__(self, run: Run, url: str, warn: Callable[[str], None], info: Callable[[str], None]) -> None:
        self.run, self.url, self._warn, self._info = run, url, warn, info
        self.remote = RemoteFolder(url)
        self._copied: dict[str, Stamp] = {}
        self._there: set[str] = set()  # checkpoints that were there at the start, or were copied by this process
        self._announced = ""
        self._failures, self._reason = 0, ""
        self._next, self._progress = 0.0, 0.0
        self._closing = threading.Event()
        self._muted = False
        self._thread = threading.Thread(target=self._work, name="codo-mirror", daemon=True)

    def start(self) -> None:
        """Start to copy.

        Raises:
            CodoError: The mirror cannot be reached.
        """
        sizes = self.remote.sizes()
        self._there = set(checkpoint_names(sizes))
        here = files_of(self.run.path)
        # A checkpoint of a name and size is a function of the settings: resuming does not copy it again.
        self._copied = {name: here[name] for name in self._there & here.keys() if here[name].size == sizes[name]}
        self._thread.start()

    def close(self) -> None:
        """Copy what is left, and warn of what cannot be copied; waits as long as there is progress."""
        self._closing.set()
        self._progressed()
        while self._thread.is_alive() and time.monotonic() - self._progress < STALLED:
            self._thread.join(0.1)
        if missing := self._changed():
            named = (checkpoint_names(missing) or missing)[-1]
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            why = self._reason or f"no answer within {duration(STALLED)}"
            self._warn(f"not in the mirror {self.url}: {named}{more} ({why}); the same command again copies them")
        self._muted = True

    def _work(self) -> None:
        while not self._closing.wait(LOOK):
            self._try(self._due)
        for attempt in range(LAST_TRIES):
            if self._try(lambda: True):
                return
            time.sleep(attempt)

    def _due(self) -> bool:
        """Whether to copy now: what has changed, at intervals; a checkpoint at once, unless the last try failed."""
        if time.monotonic() >= self._next:
            return bool(self._changed())
        return not self._failures and bool(checkpoint_names(self._changed()))

    def _try(self, due: Callable[[], bool]) -> bool:
        """Copy what has changed, if it is due; returns whether nothing went wrong."""
        began = time.monotonic()
        try:
            if not due():
                return True
            self._copy()
        except Exception as error:  # of the network, of any library; the run goes on
            self._failures += 1
            self._reason = class_and_line(error)
            if self._failures == 1 and not self._muted:
                self._warn(f"the mirror {self.url} cannot be written ({self._reason}); the run goes on and tries again")
            self._next = time.monotonic() + min(2.0**self._failures, LONGEST_WAIT)
            return False
        if self._failures and not self._muted:
            self._info(f"the mirror {self.url} is complete again")
        self._failures, self._reason = 0, ""
        self._next = time.monotonic() + max(LOGS, SHARE * (time.monotonic() - began))
        return True

    def _copy(self) -> None:
        """Copy what has changed, in the order that `codo.mirror` explains."""
        here = files_of(self.run.path)
        kept = checkpoint_names(here)
        changed = self._changed(here)
        for name in [*(one for one in changed if one not in kept), *checkpoint_names(changed)]:
            try:
                self.remote.put(self.run.path / name, name, self._progressed)
            except FileNotFoundError:
                if (self.run.path / name).exists():
                    raise
                continue  # deleted meanwhile, as old checkpoints are
            self._copied[name] = here[name]
            self._there |= {name} & set(kept)
            self._progressed()
        if not kept:
            return
        if self._announced != kept[-1]:
            self.remote.write(LAST, f"{Path(kept[-1]).name}\n".encode())
            self._announced = kept[-1]
        # A newer one may be intact there and damaged here.
        newest = checkpoint_order(Path(kept[-1]))
        for name in sorted(one for one in self._there - set(kept) if checkpoint_order(Path(one)) < newest):
            self.remote.delete(name)
            self._there.discard(name)

    def _progressed(self) -> None:
        self._progress = time.monotonic()

    def _changed(self, here: dict[str, Stamp] | None = None) -> list[str]:
        here = files_of(self.run.path) if here is None else here
        return sorted(name for name, stamp in here.items() if name != LAST and self._copied.get(name) != stamp)


def files_of(folder: Path) -> dict[str, Stamp]:
    """The files of a run by their names relative to it, without hidden ones and links."""
    found: dict[str, Stamp] = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if name.startswith(".") or path.is_symlink():
                continue
            try:
                status = path.stat()
            except FileNotFoundError:  # renamed or deleted meanwhile
                continue
            found[path.relative_to(folder).as_posix()] = Stamp(status.st_size, status.st_mtime_ns)
    return found
