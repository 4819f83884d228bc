"""Killed, interrupted, shared out, on a full disk: the same command always ends with the same catalog."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from codo.catalog.catalog import open_catalog
from codo.core.errors import CodoError, InputError, Interrupted, Preempted
from codo.core.signals import ended_by_signals
from codo.preparation import chunk_worker, manifest
from codo.preparation.prepare import prepare_shard
from codo.proposals.filters import propose
from codo.views.lazy_image import Image
from tests.catalog.pictures import jpeg, jpegs, write_folder
from tests.preparation.catalogs import files, quick

PREPARE = import_module("codo.preparation.prepare")  # as an attribute of its package it is the function

SLOWLY = """
import sys, time
from codo.preparation import chunk_worker
from codo.preparation.prepare import prepare

examine = chunk_worker.examine
def slowly(*arguments):
    time.sleep(0.03)
    return examine(*arguments)
chunk_worker.examine = slowly
prepare(sys.argv[1], sys.argv[2], propose=False, pack=40, jobs=int(sys.argv[3]))
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_at_any_moment_it_continues(tmp_path: Path, jobs: int) -> None:
    source = write_folder(tmp_path / "s", jpegs(120))
    quick(source, tmp_path / "whole", pack=40)
    out = tmp_path / "out"
    for wanted in (2, 5):
        process = subprocess.Popen(
            [sys.executable, "-c", SLOWLY, str(source), str(out), str(jobs)], start_new_session=True
        )
        deadline = time.monotonic() + 60
        while len(list(out.glob(".work/part-*.arrow"))) < wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        while time.monotonic() < deadline:  # the workers notice, and leave nobody behind
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                break
            time.sleep(0.05)
        else:
            pytest.fail("workers outlive their parent")
    done = len(list(out.glob(".work/part-*.arrow")))
    assert 5 <= done < 15
    assert not (out / "catalog.parquet").exists()
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        examine = chunk_worker.examine
        patch.setattr(chunk_worker, "examine", lambda item, *rest: seen.append(item.key) or examine(item, *rest))
        quick(source, out, pack=40)
    assert len(seen) == 120 - 8 * done  # what was done is not done again
    assert files(out) == files(tmp_path / "whole")


@pytest.mark.parametrize(
    ("number", "error", "said"),
    [(signal.SIGTERM, Preempted, "stopped by SIGTERM"), (signal.SIGINT, Interrupted, "interrupted")],
)
def test_a_signal_within_the_search_is_no_failure_of_it(
    number: int, error: type[CodoError], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numba makes a SystemError of what a handler raises in compiled code."""
    source = write_folder(tmp_path / "s", jpegs(3, width=320, height=240))
    quick(source, tmp_path / "whole", propose=True)

    def with_a_signal(image: Image, settings: Any) -> Any:
        threading.Timer(0.02, os.kill, (os.getpid(), number)).start()
        end = time.monotonic() + 30
        while time.monotonic() < end:
            found = propose(image, settings)
        return found

    with monkeypatch.context() as patch:
        patch.setattr("codo.preparation.rows.propose", with_a_signal)
        with pytest.raises(error, match=said), ended_by_signals():
            quick(source, tmp_path / "out", propose=True)
    quick(source, tmp_path / "out", propose=True)
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_another_command_finishes_while_this_one_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after it had looked for the catalog and made the folder that the other one removes at its end."""
    source, out = write_folder(tmp_path / "s", jpegs(3)), tmp_path / "out"
    create = PREPARE._create

    def meanwhile(folder: Path) -> None:
        create(folder)
        if not (out / "catalog.parquet").exists():
            with monkeypatch.context() as patch:
                patch.setattr(PREPARE, "_create", create)
                quick(source, out)

    monkeypatch.setattr(PREPARE, "_create", meanwhile)
    assert len(quick(source, out)) == 3
    assert not (out / ".work").exists()


def test_another_command_on_an_unfinished_catalog_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(3))
    monkeypatch.setattr(PREPARE, "merge", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(Interrupted, match="interrupted") as caught:
        quick(source, tmp_path / "out")
    assert caught.value.exit_code == 130
    with pytest.raises(InputError, match="pack: None -> 64"):
        quick(source, tmp_path / "out", pack=64)
    monkeypatch.undo()
    assert len(quick(source, tmp_path / "out")) == 3
    assert not (tmp_path / "out" / ".work").exists()


def test_parts_of_another_format_are_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(10))
    with monkeypatch.context() as patch:
        patch.setattr(PREPARE, "merge", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        patch.setattr(manifest, "FORMAT", manifest.FORMAT - 1)
        with pytest.raises(Interrupted):
            quick(source, tmp_path / "out")
    seen: list[str] = []
    examine = chunk_worker.examine
    monkeypatch.setattr(chunk_worker, "examine", lambda item, *rest: seen.append(item.key) or examine(item, *rest))
    quick(source, tmp_path / "out")
    assert len(seen) == 10


def test_a_source_that_changed_meanwhile_is_prepared_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(10))
    monkeypatch.setattr(PREPARE, "merge", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(Interrupted):
        quick(source, tmp_path / "out")
    monkeypatch.undo()
    write_folder(source, {"005.jpg": jpeg(99), "new.jpg": jpeg(98)})
    quick(source, tmp_path / "fresh")
    quick(source, tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "fresh")


def test_shares_of_a_job_array(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "s", jpegs(60))
    quick(source, tmp_path / "whole")
    options: dict[str, Any] = {"propose": False, "jobs": 1, "progress": False}
    results = [prepare_shard(source, tmp_path / "out", f"{i}/3", **options) for i in (2, 3, 1)]
    assert [result is None for result in results] == [True, True, False]
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert prepare_shard(source, tmp_path / "out", "2/3", **options) is not None


def test_the_whole_command_finishes_what_failed_shares_left(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "s", jpegs(60))
    quick(source, tmp_path / "whole")
    assert prepare_shard(source, tmp_path / "out", "1/3", propose=False, jobs=1) is None
    quick(source, tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "whole")


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "1/0", "a/b", "-1/3"])
def test_shares_that_make_no_sense(tmp_path: Path, shard: str) -> None:
    with pytest.raises(InputError, match="not a share of the work"):
        prepare_shard(tmp_path, tmp_path / "out", shard)


def test_a_full_disk_is_explained_and_the_same_command_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_folder(tmp_path / "s", jpegs(20))
    calls = iter(range(1000))

    def full(_: int) -> None:
        if next(calls) > 3:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(CodoError, match="no space left on device") as caught:
            quick(source, tmp_path / "out")
    assert caught.value.where == str(tmp_path / "out")
    assert "same command again to resume" in caught.value.fix
    assert not list((tmp_path / "out").rglob("*.tmp"))
    assert len(quick(source, tmp_path / "out")) == 20


def test_two_preparations_of_one_catalog_wait_for_each_other(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "s", jpegs(12))
    command = [sys.executable, "-c", SLOWLY, str(source), str(tmp_path / "out"), "1"]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert len(open_catalog(tmp_path / "out")) == 12


def test_a_preparation_at_work_keeps_others_out_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_folder(tmp_path / "s", jpegs(3))
    (tmp_path / "out/.work").mkdir(parents=True)
    code = "import sys; from pathlib import Path; from codo.core.io import FileLock\n"
    code += "lock = FileLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); input()"
    command = [sys.executable, "-c", code, str(tmp_path / "out/.work/1-of-1.lock")]
    ask, at_once = PREPARE.FileLock.acquire, 0.0
    monkeypatch.setattr(PREPARE.FileLock, "acquire", lambda self, wait=0.0: ask(self, at_once))  # not the five seconds
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="another codo prepare is writing here") as caught:
            quick(source, tmp_path / "out")
        assert caught.value.where == str(tmp_path / "out/.work")
        holder.communicate(b"\n")
    assert len(quick(source, tmp_path / "out")) == 3


def test_a_damaged_part_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(30))
    quick(source, tmp_path / "whole")
    monkeypatch.setattr(PREPARE, "merge", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(Interrupted):
        quick(source, tmp_path / "out")
    monkeypatch.undo()
    part = tmp_path / "out" / ".work" / "part-000001.arrow"
    part.write_bytes(part.read_bytes()[:-200])
    quick(source, tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "whole")
