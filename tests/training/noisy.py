"""The smallest method that draws from torch's random numbers, trained by the real loop in a real run directory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from codo.core.run import Run
from codo.evaluation.health import HealthMonitor
from codo.methods.base import Method, StepOutput
from codo.optim.optimizer import OptimSettings, Schedule
from codo.training.distributed import DistributedContext
from codo.training.job import Feed, Watch
from codo.training.pretrain_settings import PretrainSettings
from codo.training.session import find_saved, open_session
from codo.training.trainer import train

STEPS = 4
ALONE = DistributedContext(0, 1, torch.device("cpu"))


class Noisy(Method):
    """A layer behind dropout; remembers which inputs were dropped at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 1)
        self.seen: list[Tensor] = []

    def forward(self, batch: Tensor) -> StepOutput:
        kept = nn.functional.dropout(batch, 0.5, self.training)
        self.seen.append(kept > 0)
        loss = self.layer(kept).square().mean()
        return StepOutput(loss, {"loss": loss.detach()})

    def exports(self) -> dict[str, nn.Module]:
        return {"backbone": self.layer}


def run_noisy(
    out: Path,
    context: DistributedContext = ALONE,
    check: Callable[[int], Mapping[str, Any]] | None = None,
    enough: Callable[[int], bool] = lambda step: False,
    batches: list[Any] | None = None,
    **changes: Any,
) -> Noisy:
    """Train it for `STEPS` steps, or for what is left of them.

    Args:
        out: The run.
        context: Rank, world size and device of this process.
        check: Done after every step.
        enough: Whether to end early.
        batches: In place of ones.
        **changes: Settings.
    """
    given = {"method": "simclr", "foregrounds": "none", "out": str(out), "checkpoint_every": 1, "keep_checkpoints": 9}
    settings = PretrainSettings.model_validate({**given, "log": {"every": 1, "progress": False}, **changes})
    saved = find_saved(settings, context)
    torch.manual_seed(settings.seed)
    method = Noisy()
    with open_session(settings, "pretrain", saved, context, STEPS) as session:
        learner = session.learner(method, lambda it: torch.optim.SGD(it.parameters(), lr=0.1, momentum=0.9))
        schedule = Schedule(OptimSettings(lr=0.1, schedule="constant"), batch_size=256, steps=STEPS, per_epoch=2)
        feed = Feed(batches or [torch.ones(3, 64)] * (STEPS - session.start), images_per_step=3)
        session.log_start([])
        checks = [(1, check)] if check is not None else []
        watch = Watch(session.log, 1, HealthMonitor(), checks, enough=enough)
        train(session.job(learner, feed, schedule, watch))
    return method


def stopped_after(out: Path, step: int, copy: Path) -> Path:
    """A copy of a run as it was when the checkpoint of ``step`` was its newest."""
    shutil.copytree(out, copy)
    for path in Run(copy).checkpoints():
        if int(path.stem[5:]) > step:
            path.unlink()
    return copy
