"""Who works on the chunks, and what happens when a worker dies or Ray is not there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from codo.core.errors import CodoError, InputError
from codo.preparation import chunk_worker
from codo.preparation.prepare import prepare
from tests.catalog.pictures import jpegs, write_folder
from tests.preparation.catalogs import files


def test_ray_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(InputError, match="engine=ray needs Ray") as caught:
        prepare(write_folder(tmp_path / "s", jpegs(2)), tmp_path / "out", engine="ray")
    assert caught.value.fix == "pip install 'codo-detect[ray]'"
    assert not (tmp_path / "out").exists()


class Dataset:
    """As much of Ray Data as is used, working in this process and in the reverse order."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def map(self, function: Callable[[dict[str, Any]], dict[str, Any]]) -> Dataset:
        return Dataset([function(row) for row in reversed(self.rows)])

    def iter_rows(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    package, data = ModuleType("ray"), ModuleType("ray.data")
    data.from_items = lambda items, **_: Dataset(items)
    monkeypatch.setitem(sys.modules, "ray", package)
    monkeypatch.setitem(sys.modules, "ray.data", data)
    return data


def test_ray_gives_the_same_catalog(tmp_path: Path, ray: ModuleType) -> None:
    source = write_folder(tmp_path / "s", jpegs(30))
    prepare(source, tmp_path / "local", propose=False, jobs=1)
    prepare(source, tmp_path / "ray", propose=False, engine="ray")
    assert files(tmp_path / "ray") == files(tmp_path / "local")


def test_errors_on_a_ray_worker_are_told(tmp_path: Path, ray: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(3))

    def full(*_: object) -> None:
        raise CodoError("no space left on device", where="there", fix="free some")

    with monkeypatch.context() as patch:
        patch.setattr("codo.preparation.engines.process", full)
        with pytest.raises(CodoError) as caught:
            prepare(source, tmp_path / "out", propose=False, engine="ray")
        assert caught.value.lines() == ["no space left on device", "  where: there", "  fix:   free some"]
        patch.setattr("codo.preparation.engines.process", lambda *_: 1 / 0)
        with pytest.raises(CodoError, match="Ray stopped: ZeroDivisionError: division by zero"):
            prepare(source, tmp_path / "out", propose=False, engine="ray")
    assert len(prepare(source, tmp_path / "out", propose=False, engine="ray")) == 3


def test_nodes_that_share_no_disk_are_noticed(tmp_path: Path, ray: ModuleType) -> None:
    source = write_folder(tmp_path / "s", jpegs(3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("codo.preparation.engines.process", lambda *_: None)
        with pytest.raises(CodoError, match="this machine cannot see") as caught:
            prepare(source, tmp_path / "out", propose=False, engine="ray")
    assert "share" in caught.value.fix


def test_a_worker_that_is_killed_stops_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(40))
    examine, parent = chunk_worker.examine, os.getpid()

    def dies(item: Any, *rest: Any) -> Any:
        if item.key == "030.jpg" and os.getpid() != parent:
            os._exit(9)  # as the kernel does when memory runs out
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
