"""How processes that train together notice that one of them is lost, and tell it once.

A collective of gloo or NCCL ends with an error about a socket when a process dies, and waits for half an hour when one
hangs or its host is cut off; no process knows which rank it was. So every rank has a thread that counts in the store of
the group, and reads what the others count::

    codo/ATTEMPT/count/RANK    a count, or how the rank ended: `ENDED`; ATTEMPT: restarts by torchrun until then
    codo/ATTEMPT/host/RANK     process and host
    codo/ATTEMPT/told/NUMBER   how many ranks had this message: the first one prints it
    codo/ATTEMPT/main/N        rank 0 has come to the N-th place where the others wait for it

A rank is lost if its count has not changed for ``distributed.timeout`` seconds of the reader's own monotonic clock:
clocks of two hosts are never compared. Time in which the reader itself was stopped does not count.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import torch.distributed as dist
from pydantic import Field

from codo.core.config import Settings
from codo.core.errors import CodoError, print_error

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

SILENCE = 120.0
"""Default of ``distributed.timeout``."""
INTERVAL = 1.0
"""Seconds between two counts."""
ROLL_CALL = 5.0
"""Seconds within which a rank that lives counts, whatever else it does."""
ENDED = ("done", "failed")
"""In place of a count. A rank that failed tells its error itself."""
_LOST = 0
"""Number of all messages about lost ranks: who notices later knows more or fewer of them."""


class DistributedSettings(Settings):
    """Several processes (``torchrun``)."""

    timeout: float = Field(
        SILENCE,
        ge=10,
        description="seconds without a sign of life from another process (it hangs, or its host is cut off) after "
        "which the others end",
    )


class LostRankError(CodoError):
    """Another process was killed, hangs, or cannot be reached."""


class RankWatch:
    """Counts for this rank, and ends the process when another one is lost.

    A process that waits in a collective cannot be woken: after the message it ends at once, with exit code 1. Files of
    a run are whole at every moment (`codo.core.io`), and its lock is the kernel's.

    There are two threads, because a request to the store may outlast its timeout when the host of the store is cut off:
    one talks to the store, the other one never waits for anything.

    Args:
        rank: This rank.
        world: Number of ranks.
        connect: Opens a connection to the store of the group, whose operations take at most the given seconds.
        timeout: Seconds without a sign of life after which a rank is lost.
        prefix: Of all keys; another one after each restart.
        speaks: Whether this rank tells what it cannot agree on with others: one rank of each host.
        record: Where torchrun looks for the error of this process, to end its own output with it.
    """

    def __init__(
        self,
        rank: int,
        world: int,
        connect: Callable[[float], Store],
        *,
        timeout: float,
        prefix: str = "codo/0",
        speaks: bool = True,
        record: str | None = None,
    ) -> None:
        self.rank, self.world, self.timeout = rank, world, timeout
        self._connect, self._prefix, self._speaks, self._record = connect, prefix, speaks, record
        self._keys = [self._key("count", other) for other in range(world)]
        self._waits, self._leaving, self._stop = 0, False, threading.Event()
        self._counting = threading.Lock()
        self._store = connect(2 * timeout)  # whether it answers in time is seen by the other thread
        self._read: list[str] = ["0"] * world
        self._rounds, self._closed = 0, False
        self._store.set(self._keys[rank], "0")
        self._store.set(self._key("host", rank), self._here)
        for work in (self._talk, self._watch):
            threading.Thread(target=work, name=f"codo-ranks{work.__name__}", daemon=True).start()

    def wait_for_main(self) -> None:
        """Return when rank 0 has called this, too, however long that takes: a collective gives up some time."""
        self._waits += 1
        key = self._key("main", self._waits)
        if self.rank == 0:
            self._store.set(key, "")
            return
        while not self._store.check([key]):
            time.sleep(INTERVAL / 10)

    def done(self) -> None:
        """The rank leaves without an error."""
        self._leave("done")

    def explain(self, error: BaseException) -> BaseException:
        """The error with which this rank leaves: of a broken collective, the one that tells whose fault it is.

        It is marked as told where another rank prints the same one, or the reason of this one.
        """
        self._leaving = True
        found = self._whose_end(error) if broke_a_collective(error) else error
        if isinstance(found, CodoError) and not found.told:
            found.told = not self._first(found)
            if self._record and not found.told:
                write_record(self._record, found)
        self._leave("failed")
        return found

    def _whose_end(self, error: BaseException) -> CodoError:
        """The error of a collective that broke, or took half an hour."""
        if "timed out" in str(error).lower():
            what = "another process lives, but has not come to the same step for half an hour"
            fix = "look what it waits for (its disk, its GPU), then run the same command again to resume"
            return CodoError(what, where=self._here, fix=fix)
        try:
            store = self._connect(ROLL_CALL)
            before, gone, end = self._counts(store), list(range(self.world)), time.monotonic() + ROLL_CALL
            while gone and time.monotonic() < end:
                time.sleep(INTERVAL / 5)
                now = self._counts(store)
                if "failed" in now:
                    return told(CodoError("another process ended with an error"))
                gone = [rank for rank in gone if now[rank] == before[rank] and now[rank] not in ENDED]
            if gone:
                return self._lost(store, gone, "killed, probably out of memory, or its host failed")
        except (RuntimeError, OSError):
            return self._unreachable()
        fix = "run the same command again to resume; if it happens again, check the network between the hosts"
        return CodoError("the connection between two processes broke", where=self._here, fix=fix)

    def _talk(self) -> None:
        """The thread that counts, and reads the counts."""
        failed = 0.0
        while not self._stop.wait(INTERVAL):
            try:
                with self._counting:
                    if self._stop.is_set():
                        return
                    self._store.set(self._keys[self.rank], str(self._rounds + 1))
                self._read, failed = self._counts(self._store), 0.0
                self._rounds += 1
            except (RuntimeError, OSError):  # the host of the store has closed the connection
                failed += INTERVAL
                self._closed = failed > ROLL_CALL
                with suppress(RuntimeError, OSError):
                    self._store = self._connect(2 * self.timeout)

    def _watch(self) -> None:
        """The thread that decides."""
        last, silence, rounds, unheard, before = [""] * self.world, [0.0] * self.world, 0, 0.0, time.monotonic()
        while not self._stop.wait(INTERVAL):
            now, passed, before = self._read, min(time.monotonic() - before, 2 * INTERVAL), time.monotonic()
            if self._rounds == rounds:  # nothing is known about the others
                unheard += passed
                if unheard > self.timeout or self._closed:
                    self._end(self._unreachable())
                    return
                continue
            for rank in range(self.world):
                quiet = now[rank] == last[rank] and now[rank] not in ENDED and rank != self.rank
                silence[rank] = silence[rank] + passed + unheard if quiet else 0.0
            last, rounds, unheard = now, self._rounds, 0.0
            if max(silence) > self.timeout and not self._leaving:
                lost = [rank for rank in range(self.world) if silence[rank] > self.timeout - 3 * INTERVAL]
                why = f"no sign of life for {self.timeout:g} s: it hangs, or its host is cut off"
                self._end(self._lost(self._store, lost, why, "; for longer pauses set distributed.timeout"))
                return

    def _counts(self, store: Store) -> list[str]:
        if store.check(self._keys):
            return [count.decode() for count in store.multi_get(self._keys)]
        return [store.get(key).decode() if store.check([key]) else "" for key in self._keys]  # one has yet to come

    def _lost(self, store: Store, ranks: list[int], why: str, more: str = "") -> CodoError:
        keys = [self._key("host", rank) for rank in ranks]
        hosts = [store.get(key).decode() if store.check([key]) else "it has never come" for key in keys]
        names = f"rank {ranks[0]}" if len(ranks) == 1 else f"ranks {', '.join(map(str, ranks))}"
        return LostRankError(
            f"{names} of {self.world} {'is' if len(ranks) == 1 else 'are'} lost ({why})",
            where=", ".join(hosts),
            fix=f"look there for the reason, then run the same command again to resume{more}",
        )

    def _unreachable(self) -> CodoError:
        error = CodoError(
            f"rank {self.rank} of {self.world} cannot reach the host of the rendezvous: cut off, or ended",
            where=self._here,
            fix="check that host and the network, then run the same command again on every host to resume",
        )
        return error if self._speaks else told(error)

    @property
    def _here(self) -> str:
        return f"process {os.getpid()} on {socket.gethostname()}"

    def _end(self, error: CodoError) -> None:
        """End the process, unless it has just ended as it should."""
        if self._stop.is_set():
            return
        # Whoever cannot reach the store cannot ask it who speaks: `_unreachable` has decided.
        if not error.told and (not isinstance(error, LostRankError) or self._first(error)):
            if self._record:
                write_record(self._record, error)
            print_error(error.lines())
        for child in multiprocessing.active_children():
            child.kill()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(error.exit_code)

    def _first(self, error: CodoError) -> bool:
        return first_to_tell(self._connect, self._prefix, error)

    def _leave(self, how: str) -> None:
        with self._counting:
            if self._stop.is_set():
                return
            self._stop.set()
            with suppress(RuntimeError):
                self._store.set(self._keys[self.rank], how)

    def _key(self, kind: str, number: int) -> str:
        return f"{self._prefix}/{kind}/{number}"


def broke_a_collective(error: BaseException) -> bool:
    """Whether this is what torch raises where a connection of a process group ends, or is waited for in vain."""
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and any(name in str(error) for name in ("gloo/", "NCCL"))
    )


def first_to_tell(connect: Callable[[float], Store], prefix: str, error: CodoError) -> bool:
    """Whether no other rank has come with this message; without a connection it is said twice rather than never."""
    number = _LOST if isinstance(error, LostRankError) else zlib.crc32(str(error).encode())
    try:
        return bool(connect(ROLL_CALL).add(f"{prefix}/told/{number}", 1) == 1)
    except (RuntimeError, OSError):
        return True


def told(error: CodoError) -> CodoError:
    """The error, marked as printed by another process."""
    error.told = True
    return error


def write_record(path: str, error: CodoError) -> None:
    """Write the error where torchrun looks for it: what it prints at the end then has our message."""
    about = {"message": str(error), "extraInfo": {"py_callstack": str(error), "timestamp": str(int(time.time()))}}
    with suppress(OSError):
        Path(path).write_text(json.dumps({"message": about}), encoding="utf-8")
