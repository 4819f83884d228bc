"""A comparison of two initializations on drawn pictures, done once for all tests of this folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import codo
from codo.comparison.comparison import Comparison
from tests.annotations.synthetic import TINY, coco, write
from tests.training import tiny


@pytest.fixture(scope="session")
def place(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/ with 8 + 4 labeled pictures, and two pretraining runs: run/ of CoDo and image/ of MoCo v2."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("compare")
    write(folder / "data", *coco(8), "train")
    write(folder / "data", *coco(4, seed=1), "val")
    codo.pretrain(**tiny.settings(catalog, folder / "run", probe=None, steps=2))
    image_level = tiny.settings(catalog, folder / "image", probe=None, steps=2, method="moco_v2")
    del image_level["backgrounds"]  # it pastes nothing
    codo.pretrain(**image_level)
    return folder


@pytest.fixture(scope="session")
def protocol(place: Path) -> dict[str, Any]:
    """Settings of a comparison but ``out``: two initializations, two fractions, two seeds, two steps each."""
    return {
        "inits": ["none", f"codo={place / 'run'}"],
        "fractions": [0.5, 1],
        "seeds": [0, 1],
        "data": str(place / "data"),
        "masks": False,
        "steps": 2,
        "batch_size": 2,
        "short_sides": [64],
        "workers": 0,
        "device": "cpu",
        "detector": {**TINY["detector"], "score_threshold": 0.0},
        "optim": {"lr": 0.02, "lr_scaling": "none", "warmup_steps": 1},
        "log": {"every": 1, "progress": False},
    }


@pytest.fixture(scope="session")
def done(place: Path, protocol: dict[str, Any]) -> Comparison:
    """The comparison, finished; not to be changed. The trials' report.html is empty: it takes longer than they do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("codo.reporting.report.write_report", lambda run: (run.path / "report.html").touch())
        return codo.compare(out=str(place / "out"), **protocol)


@pytest.fixture
def copied(done: Comparison, tmp_path: Path) -> Path:
    """A copy of the finished comparison's folder."""
    return Path(shutil.copytree(done.out, tmp_path / "out"))
