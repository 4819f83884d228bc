"""Which engines there are, and what happens when a worker process of this machine dies. Ray: test_ray_engine.py."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from codo.core.errors import CodoError, InputError
from codo.preparation import chunk_worker
from codo.preparation.prepare import prepare
from tests.catalog.pictures import jpegs, write_folder


def test_engines_are_checked_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(2))
    with pytest.raises(InputError, match="unknown engine 'spark'"):
        prepare(source, tmp_path / "out", engine="spark")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="engine=ray needs Ray") as caught:
        prepare(source, tmp_path / "out", engine="ray")
    assert caught.value.fix == "pip install 'codo-detect[ray]'"
    assert not (tmp_path / "out").exists()


def test_a_worker_that_is_killed_stops_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(40))
    examine, parent = chunk_worker.examine, os.getpid()

    def dies(item: Any, *rest: Any) -> Any:
        if item.key == "030.jpg" and os.getpid() != parent:
            os._exit(9)  # as the kernel does when memory runs out
        if item.key == "000.jpg" and os.getpid() != parent:
            time.sleep(1000)  # the other worker ignores signals, and does not end by itself
        return examine(item, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(chunk_worker, "examine", dies)
        with pytest.raises(CodoError, match="a worker process was killed") as caught:
            prepare(source, tmp_path / "out", propose=False, jobs=2)
    assert "fewer --jobs" in caught.value.fix
    assert len(prepare(source, tmp_path / "out", propose=False, jobs=1)) == 40


def test_workers_hand_on_the_errors_of_codo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(40))

    def fails(*_: object) -> None:
        raise CodoError("what", where="where", fix="fix")

    monkeypatch.setattr(chunk_worker, "examine", fails)
    with pytest.raises(CodoError) as caught:
        prepare(source, tmp_path / "out", propose=False, jobs=2)
    assert caught.value.lines() == ["what", "  where: where", "  fix:   fix"]
