"""A page that fails says why in a line; whoever means to stop is not held up."""

from __future__ import annotations

import logging
import os
import signal
import time

import pytest

from codo.core.attempt import attempt_page
from codo.core.errors import InputError
from codo.core.signals import Terminated, ended_by_signals


def raising(error: BaseException) -> None:
    raise error


def test_a_page_that_is_written_says_nothing() -> None:
    written: list[int] = []
    assert attempt_page(lambda: written.append(1), "the same command again") is None
    assert written == [1]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("name"), "KeyError: 'name'"),
        (ValueError(""), "ValueError"),
        (OSError(28, "No space left on device"), "OSError: No space left on device"),
        (InputError("no such file", where="a"), "InputError: no such file"),
    ],
)
def test_one_that_fails_says_why_and_what_to_do_in_one_line(error: Exception, reason: str) -> None:
    told = attempt_page(lambda: raising(error), "codo view RUN")
    assert told == f"the report could not be written: {reason}; everything else is done, codo view RUN writes it"


def test_the_traceback_is_there_for_who_asks(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="codo.core.attempt"):
        attempt_page(lambda: raising(KeyError("name")), "the same command again")
    assert "KeyError: 'name'" in caplog.text
    assert "in raising" in caplog.text


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(1)])
def test_whoever_stops_is_not_held_up(stop: BaseException) -> None:
    with pytest.raises(type(stop)):
        attempt_page(lambda: raising(stop), "the same command again")


def test_a_signal_that_becomes_another_error_is_not_taken_for_one() -> None:
    """As matplotlib's C++ does with what a handler raises while it reads an array."""

    def write() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        except BaseException:
            pass
        raise ValueError("invalid matrix")

    with pytest.raises(Terminated), ended_by_signals():
        attempt_page(write, "the same command again")
