"""A pretraining run as it lies on disk: its method with its newest weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from codo.contrast.queue import LevelQueue
from codo.core.config import resolve
from codo.core.errors import CodoError, InputError
from codo.core.run import Run, open_run
from codo.methods.base import Method
from codo.methods.registry import build_method
from codo.training import checkpoint
from codo.training.pretrain_settings import PretrainSettings


def load_method(run: Run | str | Path) -> tuple[Method, PretrainSettings, int]:
    """The method of a pretraining run with the weights of its newest checkpoint, on the CPU; its settings and step.

    Raises:
        InputError: Not a pretraining run, or one without a checkpoint.
    """
    run = run if isinstance(run, Run) else open_run(run)
    settings = resolve(PretrainSettings, None, run.config)
    state = checkpoint.load_last(run, lambda _: None)
    if state is None:
        raise InputError("the run has no checkpoint yet", where=str(run.path), fix="let it train for a while")
    # A queue of one is enough to read weights; the real ones are not needed and may be large.
    model = settings.model.model_copy(update={"init": "none"})
    contrast = settings.contrast.model_copy(update={"queue": 1, "bn_groups": 0})
    classes = int(state["method"].get("classes", 0))
    own: dict[str, Any] = {"options": settings.options, "classes": classes}
    method = build_method(settings.method, model, contrast, batch_size=2, world=1, seed=0, **own)
    queues = tuple(f"{name}." for name, module in method.named_modules() if isinstance(module, LevelQueue))
    weights = {name: value for name, value in state["method"].items() if not name.startswith(queues)}
    unread = method.load_state_dict(weights, strict=False).missing_keys
    if missing := [name for name in unread if not name.startswith(queues)]:
        raise CodoError(
            f"the checkpoint lacks {missing[0]}", where=str(run.path), fix="use a checkpoint of this version"
        )
    return method.eval(), settings, int(state["step"])
