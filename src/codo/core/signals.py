"""SIGINT, SIGTERM and SIGUSR1 while a run works: the current step is finished first, unless there is none.

SIGTERM is what container engines send before they kill, SIGUSR1 what Slurm can be told to send before the time is over;
both mean the same here. Slurm sends its signals to every process of a job step: loader workers ignore them.

The loop waits for its next batch most of all when something is wrong with the loader's workers (a network disk that
does not answer, a batch that never comes). Between two steps the state of a run is complete, so a signal ends this wait
at once (`until_stopped`).
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, Final

from codo.core.errors import CodoError, Interrupted, Preempted

STOPPED: Final = object()
"""The last item of `until_stopped` when a signal has ended the wait."""
_END: Final = object()
AGAIN: Final = 0.05
"""Seconds after which a signal is sent again that came at the wrong moment."""

_PENDING: Final[dict[int, Callable[[], bool]]] = {}
"""Signals that will be sent again, if a condition holds then."""
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
        self._again = False  # the next signal is sent by `_still_waiting`

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        second = self.number == number == signal.SIGINT and not self._again
        self.number, self._again = number, False
        if second and not _must_go_on(frame):
            raise KeyboardInterrupt
        if self._waiting:
            self._end_wait(frame)

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

    def _end_wait(self, frame: FrameType | None = None) -> None:
        if self._patience:
            signal.setitimer(signal.ITIMER_REAL, self._patience)
        elif _must_go_on(frame):
            _send_again(self.number, self._still_waiting)
        else:
            self._alarm()

    def _still_waiting(self) -> bool:
        self._again = self._waiting
        return self._waiting

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

    The kernel gives no signal to the first process of a container that does not handle it, and without a handler
    SIGUSR1 ends a program without a word. `STOPPING` wait until an error is handled: the program may end with it, and
    tell it.
    """
    inside = True

    def end(number: int, frame: FrameType | None) -> None:
        if sys.exception() is None or number == signal.SIGINT:
            terminate(number, frame, lambda: inside)
        else:
            _send_again(number, lambda: inside)

    ctrl_c = (signal.SIGINT,) if signal.getsignal(signal.SIGINT) is signal.default_int_handler else ()  # else ignored
    with handled((*ctrl_c, *STOPPING), end):
        try:
            yield
        finally:
            inside = False


def terminate(number: int, frame: FrameType | None, condition: Callable[[], bool] = lambda: True) -> None:
    """Raise `Terminated`, or `KeyboardInterrupt` for SIGINT; at the wrong moment, send the signal again a little later.

    `STOPPING` wait for the end of an import: an exception there may leave the lock of the import system taken, for
    which other threads would wait for ever, and this one for them.
    """
    if _must_go_on(frame) or (number in STOPPING and _importing(frame)):
        _send_again(number, condition)
    elif number == signal.SIGINT:
        raise KeyboardInterrupt
    else:
        _RAISED.append(signal.Signals(number).name)
        raise Terminated(_RAISED[-1])


def _send_again(number: int, condition: Callable[[], bool]) -> None:
    """Send a signal to this process a little later, once, if a condition holds then."""

    def send() -> None:
        time.sleep(AGAIN)
        holds = _PENDING.pop(number, None)  # one of several threads finds it
        if holds and holds():
            os.kill(os.getpid(), number)

    _PENDING[number] = condition
    _thread.start_new_thread(send, ())


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
    """Whether this is a moment in which an exception does harm.

    Numba makes Python objects of what a kernel returns by a Python function, whose errors it hardly looks for: they may
    end as a `SystemError` or end the process (0.68.1). What runs after a fork drops exceptions.
    """
    for code in _stack(frame):
        name, file = code.co_name, code.co_filename
        if name == "_bootstrap":  # what is below has started this process
            return False
        if name == "_numba_unpickle" or (name == "_launch" and file.endswith("popen_fork.py")):
            return True
    return False


def _importing(frame: FrameType | None) -> bool:
    return any(code.co_filename.startswith("<frozen importlib") for code in _stack(frame))


def _stack(frame: FrameType | None) -> Iterator[CodeType]:
    while frame is not None:
        yield frame.f_code
        frame = frame.f_back


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
