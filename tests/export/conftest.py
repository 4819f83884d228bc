from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from codo.config import resolve
from codo.export.trunk import Trunk, pack_trunk
from codo.methods.registry import build_method
from codo.models.encoder import Encoder, ModelSettings
from codo.run import Run, start_run
from codo.training import checkpoint
from codo.training.settings import PretrainSettings

SLIM = {"backbone": "resnet18", "width": 0.125, "fpn_channels": 16, "head": "2conv1fc", "head_dim": 32, "dim": 8}


@pytest.fixture
def make_trunk() -> Callable[..., Trunk]:
    """Makes a random trunk whose BatchNorm statistics are no longer those of a fresh one."""

    def make(**settings: object) -> Trunk:
        torch.manual_seed(0)
        encoder = Encoder(ModelSettings.model_validate({**SLIM, **settings})).to(memory_format=torch.channels_last)
        encoder(torch.randn(4, 3, 64, 64), torch.tensor([[3.0, 5.0, 50.0, 60.0]] * 4))
        return pack_trunk(encoder.settings, dict(encoder.named_children()), "codo", 12)

    return make


@pytest.fixture
def trunk(make_trunk: Callable[..., Trunk]) -> Trunk:
    return make_trunk()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A pretraining run of two checkpoints, as the training loop leaves it."""
    out = tmp_path / "run"
    settings = resolve(
        PretrainSettings,
        overrides={
            "foregrounds": "f",
            "backgrounds": ["b"],
            "out": str(out),
            "batch_size": 8,
            "contrast": {"queue": 32, "shuffle": 4},
            "model": {**SLIM, "init": "/no/longer/there.pth"},
        },
    )
    run = start_run(out, settings.model_dump(mode="json"), "pretrain")
    torch.manual_seed(1)
    fresh = settings.model.model_copy(update={"init": "none"})
    method = build_method("codo", fresh, settings.contrast, batch_size=8, world=1, seed=0)
    for step in (5, 6):
        with torch.no_grad():
            for parameter in method.query.parameters():
                parameter.add_(0.01)
        state = {"method": method.state_dict(), "optimizer": {}, "rng": torch.get_rng_state(), "config": run.config}
        checkpoint.save(run, step, state, keep=2)
    run.unlock()
    return run
