"""Who is lost is named once, whoever lives goes on, and a process that cannot go on ends."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from torch._C._distributed_c10d import TCPStore

from codo.core import rank_watch
from codo.core.errors import CodoError
from codo.core.rank_watch import LostRankError, RankWatch, broke_a_collective, first_to_tell, write_record

BROKEN = RuntimeError("[/pytorch/gloo/transport/tcp/pair.cc:1] Read error [127.0.0.1]:1: Connection reset by peer")


@pytest.fixture
def port() -> Iterator[int]:
    """Of a store, which is another process's in a real run."""
    server = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    yield server.port
    del server


def connection(port: int) -> Callable[[float], TCPStore]:
    def connect(seconds: float) -> TCPStore:
        timeout = timedelta(seconds=seconds)
        return TCPStore("127.0.0.1", port, is_master=False, timeout=timeout, wait_for_workers=False)

    return connect


def rank(number: int, port: int, record: str | None = None) -> RankWatch:
    return RankWatch(number, 2, connection(port), timeout=3, record=record)


def other_rank(port: int) -> multiprocessing.Process:
    """Rank 1, which waits for rank 0 and ends with the exit code of what happens to it."""

    def work() -> None:
        watch = rank(1, port)
        watch.wait_for_main()
        watch.done()

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    return process


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the time between two counts, and half of the time for the roll call."""
    monkeypatch.setattr(rank_watch, "INTERVAL", 0.1)
    monkeypatch.setattr(rank_watch, "ROLL_CALL", 2.0)


def test_rank_0_takes_its_time_and_the_others_wait(port: int) -> None:
    other = other_rank(port)
    watch = rank(0, port)
    other.join(0.5)
    assert other.is_alive()
    watch.wait_for_main()
    other.join(20)
    assert other.exitcode == 0
    watch.done()


def test_a_killed_rank_is_named_with_its_process(port: int, tmp_path: Path) -> None:
    other = other_rank(port)
    watch = rank(0, port, str(tmp_path / "error.json"))
    store = connection(port)(20)
    store.wait(["codo/0/host/1"])
    other.kill()
    other.join()
    found = watch.explain(BROKEN)
    assert isinstance(found, LostRankError)
    assert found.what == "rank 1 of 2 is lost (killed, probably out of memory, or its host failed)"
    assert found.where.startswith(f"process {other.pid} on ")
    assert found.told is False
    record = json.loads((tmp_path / "error.json").read_text())
    assert record["message"]["message"] == str(found)


def test_whose_peer_has_failed_leaves_the_telling_to_it(port: int) -> None:
    one, two = rank(0, port), rank(1, port)
    reason = CodoError("no space left", where="runs/a", fix="free some")
    assert one.explain(reason) is reason
    assert reason.told is False
    found = two.explain(BROKEN)
    assert isinstance(found, CodoError)
    assert found.told


def test_what_two_ranks_find_is_told_by_one(port: int) -> None:
    one, two = CodoError("the same", where="runs/a"), CodoError("the same", where="runs/a")
    connect = connection(port)
    assert [first_to_tell(connect, "codo/0", error) for error in (one, two)] == [True, False]
    assert first_to_tell(connect, "codo/0", CodoError("another"))
    assert first_to_tell(connect, "codo/1", one)  # after a restart it is news again


def test_ranks_that_all_live_blame_the_network(port: int) -> None:
    one, two = rank(0, port), rank(1, port)
    found = one.explain(BROKEN)
    assert isinstance(found, CodoError)
    assert found.what == "the connection between two processes broke"
    two.done()


def test_a_rank_that_hangs_ends_the_others(port: int, capfd: pytest.CaptureFixture[str]) -> None:
    other = other_rank(port)
    connection(port)(20).wait(["codo/0/host/1"])
    pid = other.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:

        def work() -> None:
            rank(0, port)
            time.sleep(60)

        main = multiprocessing.get_context("fork").Process(target=work)
        main.start()
        main.join(40)
        assert main.exitcode == 1
    finally:
        other.kill()
        other.join()
    said = capfd.readouterr().err.splitlines()
    assert said[0] == "codo: rank 1 of 2 is lost (no sign of life for 3 s: it hangs, or its host is cut off)"
    assert said[1].startswith(f"  where: process {pid} on ")
    assert "distributed.timeout" in said[2]


def test_errors_of_torch_about_a_lost_connection_are_known() -> None:
    assert broke_a_collective(BROKEN)
    assert not broke_a_collective(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not broke_a_collective(ValueError("gloo/"))


def test_a_record_that_cannot_be_written_does_not_hide_the_error(tmp_path: Path) -> None:
    write_record(str(tmp_path / "missing" / "error.json"), CodoError("what"))
