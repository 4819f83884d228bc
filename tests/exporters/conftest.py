from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from codo.core.config import resolve
from codo.core.run import Run, open_run, start_run
from codo.exporters.trunk import TrunkWeights, pack_trunk
from codo.methods.registry import build_method
from codo.models.encoder import Encoder, ModelSettings
from codo.training import checkpoint
from codo.training.pretrain_settings import PretrainSettings, method_setup

SLIM = {
    "backbone": "resnet50",
    "width": 0.125,
    "fpn_channels": 32,
    "head": "2conv1fc",
    "head_dim": 32,
    "embedding_dim": 8,
}


def random_trunk(**settings: object) -> TrunkWeights:
    """A random trunk whose BatchNorm statistics are no longer those of a fresh one."""
    torch.manual_seed(0)
    encoder = Encoder(ModelSettings.model_validate(settings)).to(memory_format=torch.channels_last)
    encoder(torch.randn(4, 3, 64, 64), torch.tensor([[3.0, 5.0, 50.0, 60.0]] * 4))
    return pack_trunk(encoder.settings, dict(encoder.named_children()), "codo", 12)


@pytest.fixture(scope="session")
def trunks() -> Callable[..., TrunkWeights]:
    """`random_trunk`, each made once: nothing changes a trunk."""
    return cache(random_trunk)


@pytest.fixture
def make_trunk(trunks: Callable[..., TrunkWeights]) -> Callable[..., TrunkWeights]:
    """Makes a slim trunk with settings on top."""
    return lambda **settings: trunks(**{**SLIM, **settings})


@pytest.fixture
def full_trunk(trunks: Callable[..., TrunkWeights]) -> Callable[[str], TrunkWeights]:
    """Trunks of the sizes of the paper and of the libraries' own detectors, by box head."""
    return lambda head: trunks(head=head)


@pytest.fixture
def trunk(make_trunk: Callable[..., TrunkWeights]) -> TrunkWeights:
    return make_trunk()


def leave_run(out: Path, method: str = "codo", **changes: Any) -> Run:
    """A pretraining run of two checkpoints, as the training loop leaves it."""
    given = {
        "method": method,
        "foregrounds": "f",
        "backgrounds": ["b"],
        "out": str(out),
        "batch_size": 8,
        "contrast": {"queue": 32, "bn_groups": 4},
        "model": {**SLIM, "init": "/no/longer/there.pth"},
    }
    settings = resolve(PretrainSettings, overrides=given | changes)
    run = start_run(out, settings.model_dump(mode="json"), "pretrain")
    torch.manual_seed(1)
    fresh = settings.model.model_copy(update={"init": "none"})
    built = build_method(method, replace(method_setup(settings), model=fresh, batch_size=8))
    for step in (5, 6):
        with torch.no_grad():
            for module in built.exports().values():
                for parameter in module.parameters():
                    parameter.add_(0.01)
        state = {"method": built.state_dict(), "optimizer": {}, "rng": torch.get_rng_state(), "config": run.config}
        checkpoint.save(run, step, state, keep=2)
    run.unlock()
    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of CoDo."""
    return leave_run(tmp_path_factory.mktemp("trained") / "run").path


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Run:
    """A copy of `trained` for one test."""
    return open_run(shutil.copytree(trained, tmp_path / "run"))
