"""SIGINT, SIGTERM and SIGUSR1 while a run works: the current step is finished first, unless there is none.

SIGTERM is what container engines send before they kill, SIGUSR1 what Slurm can be told to send before the time is over;
both mean the same here. Slurm sends its signals to every process of a job step: loader workers ignore them.

The loop waits for its next batch most of all when something is wrong with the loader's workers (a network disk that
does not answer, a batch that never comes). Between two steps the state of a run is complete, so a signal ends this wait
at once (`until_stopped`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from codo.core.errors import CodoError, Interrupted, Preempted

STOPPED: Final = object()
"""The last item of `until_stopped` when a signal has ended the wait."""
_END: Final = object()
AGAIN: Final = 0.05
"""Seconds after which a signal is sent again that came at the wrong moment."""

_RAISED: Final[list[str]] = []
"""Names of the signals for which `terminate` has raised."""

STOPPING: Final = (signal.SIGTERM, signal.SIGUSR1)
"""What schedulers send: save, and exit with 143."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGUSR1 while there was nothing to finish and nothing to save; like Ctrl-C not an `Exception`."""


class StopSignal:
    """Records a signal to stop, so that the current step can finish first.

    SIGINT and those of `STOPPING` set `number`; a second SIGINT ends the program immediately.
    """

    def __init__(self) -> None:
        self.number = 0
        self._waiting = False
        self._patience = 0.0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if _must_go_on(frame):
            _send_again(number)
            return
        if self.number == signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = number
        if self._waiting:
            self._end_wait()

    def error(self, number: int, done: str, where: str) -> CodoError:
        """The error that ends the run.

        Args:
            number: The signal.
            done: What was done until then, and whether a checkpoint is saved.
            where: The run directory.
        """
        kind, name = (Interrupted, "Ctrl-C") if number == signal.SIGINT else (Preempted, signal.Signals(number).name)
        return kind(f"stopped by {name} {done}", where=where, fix="run the same command again to resume")

    def next(self, source: Iterator[Any], patience: float) -> Any:
        """The next item; `STOPPED` if a signal comes first. See `until_stopped`."""
        alarm, self._patience = None, patience
        try:
            if patience and threading.current_thread() is threading.main_thread():
                alarm = signal.signal(signal.SIGALRM, self._alarm)
            self._waiting = True
            if self.number:
                self._end_wait()
            item = next(source, _END)
            self._waiting = False
        except _WaitEndedError:
            return STOPPED
        finally:
            self._waiting = False
            if alarm is not None:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, alarm)
        return item

    def _end_wait(self) -> None:
        if self._patience:
            signal.setitimer(signal.ITIMER_REAL, self._patience)
        else:
            self._alarm()

    def _alarm(self, _: int = 0, frame: FrameType | None = None) -> None:
        if self._waiting and _must_go_on(frame):
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
        elif self._waiting:
            self._waiting = False  # raised once: what handles the exception is not interrupted again
            raise _WaitEndedError


class _WaitEndedError(BaseException):
    """Raised by the handler in the middle of a wait. Not an `Exception`: the waiting code must not catch it."""


def until_stopped(items: Iterable[Any], stop: StopSignal | None, patience: float = 0.0) -> Iterator[Any]:
    """Iterate; a signal that comes while the next item is awaited ends the iteration with the item `STOPPED`.

    Args:
        items: The items.
        stop: Records the signals, as `stop_signals` gives it; ``None`` to wait whatever happens.
        patience: Seconds for which the item is still awaited after the signal: 0 where this process may stop alone;
            where others are in the same step, it needs time to finish the step, too.
    """
    source = iter(items)
    while (item := next(source, _END) if stop is None else stop.next(source, patience)) is not _END:
        yield item
        if item is STOPPED:
            return


@contextmanager
def stop_signals() -> Iterator[StopSignal]:
    """Catch SIGINT and `STOPPING` inside the context, if this is the main thread; other threads catch nothing."""
    stop = StopSignal()
    with handled((signal.SIGINT, *STOPPING), stop):
        yield stop


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise `Terminated` for `STOPPING` inside the context, and `KeyboardInterrupt` for Ctrl-C, as Python does.

    The kernel gives neither to the first process of a container unless it handles them, and without a handler SIGUSR1
    ends a program without a word. An error that is being handled is handled first: the program may end with it, and
    tell it.
    """
    inside = True

    def end(number: int, frame: FrameType | None) -> None:
        if sys.exception() is None or number == signal.SIGINT:
            terminate(number, frame)
        else:
            _send_again(number, lambda: inside)

    ctrl_c = (signal.SIGINT,) if signal.getsignal(signal.SIGINT) is signal.default_int_handler else ()  # else ignored
    with handled((*ctrl_c, *STOPPING), end):
        try:
            yield
        finally:
            inside = False


def terminate(number: int, frame: FrameType | None) -> None:
    """Raise `Terminated`, for SIGINT `KeyboardInterrupt`; at the wrong moment, send the signal again a little later."""
    if _must_go_on(frame):
        _send_again(number)
    elif number == signal.SIGINT:
        raise KeyboardInterrupt
    else:
        _RAISED.append(signal.Signals(number).name)
        raise Terminated(_RAISED[-1])


def _send_again(number: int, condition: Callable[[], bool] = lambda: True) -> None:
    """Send a signal to this process a little later, if a condition holds then."""

    def send() -> None:
        if condition():
            os.kill(os.getpid(), number)

    timer = threading.Timer(AGAIN, send)
    timer.daemon = True
    timer.start()


@contextmanager
def signals_pass() -> Iterator[None]:
    """Let what a signal's handler raises pass through C code.

    Numba and Ray make a `SystemError` of it, matplotlib another error.
    """
    before = len(_RAISED)
    try:
        yield
    except CodoError:
        raise
    except Exception as error:
        cause: BaseException | None = error
        while isinstance(cause, SystemError):
            cause = cause.__cause__ or cause.__context__
        if isinstance(cause, KeyboardInterrupt):
            raise cause from None
        if len(_RAISED) > before:
            raise Terminated(_RAISED[-1]) from error
        raise


def _must_go_on(frame: FrameType | None) -> bool:
    """Whether an exception in this frame would do harm.

    Within an import it may leave the lock of the import system taken, for which other threads would wait for ever, and
    this one for them. Where Numba makes Python objects of what a kernel returns, it runs one Python function, whose
    errors it does not look for: they end as a `SystemError` or end the process (0.68.1). While a process is started,
    what runs after the fork drops them, or nobody knows the new process.
    """
    while frame is not None:
        name, file = frame.f_code.co_name, frame.f_code.co_filename
        if name == "_bootstrap":  # this is the new process: what is below started it
            return False
        if file.startswith("<frozen importlib") or name == "_numba_unpickle" or (name == "_launch" and "multi" in file):
            return True
        frame = frame.f_back
    return False


@contextmanager
def handled(numbers: Iterable[int], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle signals inside the context, if this is the main thread."""
    try:
        before = {number: signal.signal(number, handler) for number in numbers}
    except ValueError:  # not the main thread
        before = {}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextmanager
def preemptible(where: str) -> Iterator[None]:
    """Raise `Preempted` for `STOPPING` at once, for the right exit code; training inside has its own handler.

    What the signal interrupts, such as the writing of a report, must not take it for its own failure: until the context
    is left it is no `Exception`.

    Args:
        where: The command, for the message.
    """
    try:
        with handled(STOPPING, terminate):
            yield
    except Terminated as error:
        fix = "run the same command again to resume"
        raise Preempted(f"stopped by {error}", where=where, fix=fix) from None
