"""Loading the method of a pretraining run with its newest weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from codo.contrast.memory_bank import MemoryBank
from codo.contrast.queue import LevelQueue
from codo.core.config import resolve
from codo.core.errors import DAMAGE, CodoError
from codo.core.run import Run, open_run
from codo.methods.base import Method
from codo.methods.registry import build_method
from codo.training import checkpoint
from codo.training.pretrain_settings import PretrainSettings, method_setup


def load_method(
    run: Run | str | Path, warn: Callable[[str], None] | None = None
) -> tuple[Method, PretrainSettings, int]:
    """Load a pretraining run: method with the weights of the newest checkpoint, on the CPU, settings, and step.

    Args:
        run: The run, or its directory.
        warn: Called with a message for every damaged checkpoint that is skipped; by default it is logged to standard
            error.

    Raises:
        InputError: Not a pretraining run, or no intact checkpoint.
        CodoError: The checkpoint lacks weights of the method.
    """
    run = run if isinstance(run, Run) else open_run(run)
    settings = resolve(PretrainSettings, None, run.config)
    state = checkpoint.load_newest(run, warn)
    # A queue of one key is enough: queues and memory banks are not needed here, and may be large.
    saved = state["method"]
    setup = replace(
        method_setup(settings, classes=int(saved.get("classes", 0))),
        model=settings.model.model_copy(update={"init": "none"}),
        contrast=settings.contrast.model_copy(update={"queue": 1, "bn_groups": 0}),
        batch_size=2,
        seed=0,
    )
    method = build_method(settings.method, setup)
    queues = tuple(f"{name}." for name, one in method.named_modules() if isinstance(one, LevelQueue | MemoryBank))
    weights = {name: value for name, value in saved.items() if not name.startswith(queues)}
    try:
        unread = method.load_state_dict(weights, strict=False).missing_keys
    except DAMAGE as error:
        what = "the checkpoint does not fit the settings of the run"
        raise CodoError(what, where=str(run.path), fix="use another checkpoint") from error
    if missing := [name for name in unread if not name.startswith(queues)]:
        raise CodoError(
            f"the checkpoint lacks {missing[0]}", where=str(run.path), fix="use a checkpoint of this version"
        )
    return method.eval(), settings, int(state["step"])
