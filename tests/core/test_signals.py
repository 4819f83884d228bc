"""Signals end a wait at once, or after the patience that other processes need; work is never cut in the middle."""

from __future__ import annotations

import importlib
import itertools
import multiprocessing
import os
import pickle
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread, Timer

import pytest
from numba.core import serialize

from codo.core.errors import Interrupted, Preempted
from codo.core.signals import (
    STOPPED,
    STOPPING,
    StopSignal,
    Terminated,
    ended_by_signals,
    signals_pass,
    stop_signals,
    until_stopped,
)

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def stuck(*first: int) -> Iterator[int]:
    """Some items, then nothing for a minute; it catches ordinary exceptions, as torch's loader does."""
    yield from first
    try:
        time.sleep(60)
    except Exception:
        yield 0


def send_soon(number: int) -> None:
    Timer(0.05, os.kill, (os.getpid(), number)).start()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_wait_ends_with_the_signal(number: int) -> None:
    with stop_signals() as stop:
        send_soon(number)
        assert list(until_stopped(stuck(1, 2), stop)) == [1, 2, STOPPED]
        assert stop.number == number


def test_work_between_two_items_is_finished() -> None:
    done = []
    with stop_signals() as stop:
        for item in until_stopped(iter([1, 2, 3]), stop):
            if item is STOPPED:
                break
            if item == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            done.append(item)
    assert done == [1, 2]  # the third is not begun: the signal came before its wait


def test_without_a_signal_all_items_come_and_handlers_are_as_before() -> None:
    before = [signal.getsignal(number) for number in (*NUMBERS, signal.SIGALRM)]
    with stop_signals() as stop:
        assert list(until_stopped(iter([1, None, 3]), stop, patience=5)) == [1, None, 3]
        assert list(until_stopped([], stop)) == []
        assert list(until_stopped([4], None)) == [4]
    assert [signal.getsignal(number) for number in (*NUMBERS, signal.SIGALRM)] == before


def test_with_patience_a_late_item_is_still_taken() -> None:
    def late() -> Iterator[int]:
        Event().wait(0.2)
        yield 7
        time.sleep(60)

    with stop_signals() as stop:
        send_soon(signal.SIGTERM)
        items = until_stopped(late(), stop, patience=0.6)
        assert next(items) == 7
        assert stop.number == signal.SIGTERM
        assert next(items) is STOPPED  # the next one is not awaited for longer
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_a_second_ctrl_c_ends_the_program() -> None:
    with stop_signals() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_another_thread_catches_nothing() -> None:
    found: list[object] = []

    def work() -> None:
        with stop_signals() as stop:
            found.extend(until_stopped([1], stop, patience=1))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert found == [1]


def test_the_error_says_what_was_done() -> None:
    error = StopSignal().error(signal.SIGTERM, "after step 3; a checkpoint is saved", "runs/a")
    assert isinstance(error, Preempted)
    assert error.lines() == [
        "stopped by SIGTERM after step 3; a checkpoint is saved",
        "  where: runs/a",
        "  fix:   run the same command again to resume",
    ]
    assert StopSignal().error(signal.SIGUSR1, "before step 1", "runs/a").what == "stopped by SIGUSR1 before step 1"
    assert isinstance(StopSignal().error(signal.SIGINT, "before step 1", "runs/a"), Interrupted)


@pytest.mark.parametrize("number", STOPPING)
def test_outside_of_a_run_a_signal_ends_the_program_like_ctrl_c(number: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Terminated, match=signal.Signals(number).name), ended_by_signals():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_an_error_on_its_way_is_still_told() -> None:
    """The launcher sends SIGTERM as soon as another process has ended."""
    with pytest.raises(ValueError, match="reason"), ended_by_signals():  # noqa: PT012
        try:
            raise ValueError("reason")
        finally:
            os.kill(os.getpid(), signal.SIGTERM)


def test_an_error_that_is_handled_delays_the_end() -> None:
    """Code that tries again within its ``except`` would never hear of the signal."""
    handled = False
    with pytest.raises(Terminated), ended_by_signals():  # noqa: PT012
        try:
            raise OSError
        except OSError:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.2)
            handled = True
        time.sleep(60)
    assert handled


def test_what_c_code_makes_of_a_signal_is_undone() -> None:
    for error in (KeyboardInterrupt(), Terminated("SIGTERM")):
        with pytest.raises(type(error)), signals_pass():
            raise SystemError("returned a result with an exception set") from error
    with pytest.raises(SystemError, match="bad"), signals_pass():
        raise SystemError("bad") from ValueError()


class Unpickled:
    """Sends a signal to this process while it is being unpickled."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[object, ...]:
        return send_and_finish, (self.number,)


finished: list[int] = []


def send_and_finish(number: int) -> None:
    os.kill(os.getpid(), number)
    finished.append(number)


def unpickle(number: int) -> None:
    """As compiled code calls it, to make what it returns; called by Python, exceptions do no harm here."""
    finished.clear()
    serialize._numba_unpickle(next(addresses), pickle.dumps(Unpickled(number)), b"")


def unpickled(number: int) -> Iterator[int]:
    """Nothing for a minute, after a signal."""
    unpickle(number)
    yield from stuck()


addresses = itertools.count()


@pytest.mark.parametrize("number", NUMBERS)
def test_what_numba_makes_of_a_result_is_finished_first(number: int) -> None:
    expected = KeyboardInterrupt if number == signal.SIGINT else Terminated
    with pytest.raises(expected), ended_by_signals():  # noqa: PT012
        unpickle(number)
        time.sleep(60)
    assert finished == [number]
    for patience in (0, 0.01):
        with stop_signals() as stop:
            assert list(until_stopped(unpickled(number), stop, patience)) == [STOPPED]
        assert (stop.number, finished) == (number, [number])


def test_patience_that_ends_while_numba_works_ends_a_little_later() -> None:
    with stop_signals() as stop:
        assert list(until_stopped(unpickled(signal.SIGALRM), stop, patience=5)) == [STOPPED]
    assert finished == [signal.SIGALRM]


def test_a_signal_at_the_wrong_moment_is_recorded_at_once() -> None:
    with stop_signals() as stop:
        unpickle(signal.SIGINT)
        assert stop.number == signal.SIGINT
        unpickle(signal.SIGINT)  # a second one does not interrupt it either
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


forked: list[int] = []
"""Signals to send as soon as a process has been forked, in place of one that came during the fork."""
os.register_at_fork(after_in_parent=lambda: forked and os.kill(os.getpid(), forked.pop()))


def test_a_process_is_started_first() -> None:
    """What runs after the fork drops exceptions: the signal would be lost."""
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=True)

    def starting() -> Iterator[int]:
        forked.append(signal.SIGTERM)
        process.start()
        yield from stuck()

    with stop_signals() as stop:
        assert list(until_stopped(starting(), stop)) == [STOPPED]
    process.kill()
    process.join()


def test_a_new_process_is_ended_like_any_other() -> None:
    def work() -> None:
        try:
            with ended_by_signals():
                theirs.send("ready")
                time.sleep(60)
        except Terminated as error:
            theirs.send(str(error))

    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, daemon=True)
    process.start()
    assert ours.recv() == "ready"
    process.terminate()
    assert ours.recv() == "SIGTERM"
    process.join()


@pytest.mark.parametrize("number", NUMBERS)
def test_only_ctrl_c_ends_an_import(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception may leave a lock taken that other threads wait for; but one from a dead disk must end somehow."""
    (tmp_path / f"half_of_{number}.py").write_text(
        f"import os, signal\nos.kill(os.getpid(), {number:d})\nsignal.finished = {number:d}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(signal, "finished", 0, raising=False)
    with pytest.raises(KeyboardInterrupt), ended_by_signals():  # noqa: PT012
        importlib.import_module(f"half_of_{number}")
        time.sleep(60)
    assert signal.finished == (0 if number == signal.SIGINT else number)  # type: ignore[attr-defined]  # set above


def test_ctrl_c_that_is_ignored_stays_ignored() -> None:
    """As in the background of a script."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with ended_by_signals():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
