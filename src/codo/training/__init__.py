"""Training: drives anything that keeps the protocol of ``methods.base``, for pretraining and finetuning alike.

* ``pretrain``: puts a pretraining run together, top to bottom; ``pretrain_settings``: what can be chosen;
  ``pretrain_task``: its images, opened and checked; ``run_probes``: its probes.
* ``session``: what pretraining and finetuning share around the loop: run directory, resume, log, report.
* ``trainer``: the loop; ``job``: what it is given; ``clock``: images a second.
* ``optim``, ``lars``: SGD, LARS, learning-rate schedules and scaling.
* ``checkpoint``: saving and exact resume; ``load_run``: the method of a run with its newest weights.
* ``distributed``: processes, devices, signals.
* ``profiling``: where the time of a step goes.
* ``logging``, ``log_settings``: metrics.jsonl, train.log, progress bar; ``trackers``: TensorBoard, W&B, MLflow.
* ``probing``: probes with labels during a run, and ``codo probe``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.training.lars import LARS as LARS
    from codo.training.load_run import load_method as load_method
    from codo.training.log_settings import LogSettings as LogSettings
    from codo.training.optim import OptimSettings as OptimSettings
    from codo.training.pretrain import pretrain as pretrain
    from codo.training.pretrain_settings import PretrainSettings as PretrainSettings
    from codo.training.probing import probe as probe
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "LARS": "lars",
            "LogSettings": "log_settings",
            "OptimSettings": "optim",
            "PretrainSettings": "pretrain_settings",
            "load_method": "load_run",
            "pretrain": "pretrain",
            "probe": "probing",
        },
    )
