"""The method of a run with its newest weights; a damaged checkpoint is skipped with a warning."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import codo
from codo.core.errors import CodoError, InputError
from codo.core.run import Run
from codo.exporters.trunk import read_trunk
from codo.training import checkpoint
from codo.training.load_run import load_method
from tests.conftest import MakeData
from tests.training import tiny

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def trained(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("run") / "run"
    return codo.pretrain(**tiny.settings(catalog, out, steps=2, checkpoint_every=1, canvas=32, probe=None))


@pytest.fixture
def run(trained: Run, tmp_path: Path) -> Run:
    """A copy to damage."""
    shutil.copytree(trained.path, tmp_path / "copy")
    return Run(tmp_path / "copy")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def test_weights_are_those_of_the_newest_checkpoint(run: Run) -> None:
    method, settings, step = load_method(str(run.path))
    state = checkpoint.load(run.checkpoints()[-1])["method"]
    assert (step, settings.canvas, method.training) == (2, 32, False)
    loaded = method.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in loaded.items() if not name.startswith("queue."))
    assert loaded["queue.keys"].shape[1] == 1  # keys of the past are not needed


def test_a_damaged_newest_checkpoint_is_told_to_who_asks(run: Run) -> None:
    truncate(run.checkpoints()[-1])
    told: list[str] = []
    assert load_method(run, told.append)[2] == 1
    assert len(told) == 1
    assert "damaged" in told[0]
    assert "step-00000002.pt" in told[0]
    assert "using step-00000001.pt instead" in told[0]


def test_export_says_so_on_standard_error(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    truncate(run.checkpoints()[-1])
    assert read_trunk(run).step == 1
    assert [(record.levelname, "using step-00000001.pt" in record.message) for record in caplog.records] == [
        ("WARNING", True)
    ]


def test_probe_says_so_with_its_scores(run: Run, make_data: MakeData) -> None:
    truncate(run.checkpoints()[-1])
    found = codo.probe(run, data=str(make_data()), boxes=8, device="cpu")
    assert any("using step-00000001.pt" in warning for warning in found["warnings"])


def test_when_none_is_whole_it_is_not_called_young(run: Run) -> None:
    for path in run.checkpoints():
        truncate(path)
    told: list[str] = []
    with pytest.raises(InputError, match="every checkpoint of the run is damaged"):
        load_method(run, told.append)
    assert len(told) == 2
    assert "there is no earlier checkpoint" in told[1]
    for path in run.checkpoints():
        path.unlink()
    with pytest.raises(InputError, match="no checkpoint yet"):
        load_method(run)


def test_missing_weights_are_named(run: Run) -> None:
    path = run.checkpoints()[-1]
    state: dict[str, Any] = checkpoint.load(path)
    del state["method"]["query.backbone.conv1.weight"]
    torch.save(state, path)
    with pytest.raises(CodoError, match=r"the checkpoint lacks query\.backbone\.conv1\.weight"):
        load_method(run)


def test_weights_of_another_shape_are_told(run: Run) -> None:
    path = run.checkpoints()[-1]
    state: dict[str, Any] = checkpoint.load(path)
    state["method"]["query.backbone.conv1.weight"] = torch.zeros(2)
    torch.save(state, path)
    with pytest.raises(CodoError, match="does not fit the settings"):
        load_method(run)


def test_no_run_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run directory"):
        load_method(tmp_path)
