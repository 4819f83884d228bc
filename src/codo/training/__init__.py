"""Training: the loop, checkpoints and logs of pretraining and finetuning, for any method of ``methods.base``.

* ``pretrain``: ``codo pretrain``; ``pretrain_settings``: its settings; ``pretrain_task``: its data, opened and checked;
  ``run_probes``: its probes.
* ``session``: the steps that pretraining and finetuning share around the loop: run directory, resume, log, report.
* ``trainer``: the loop; ``job``: its inputs; ``clock``: images per second and data wait.
* ``checkpoint``: saving and exact resume; ``load_run``: the method of a run with its newest weights.
* ``distributed``: processes and devices.
* ``profiling``: ``--profile``, the time of each stage of a step.
* ``logging``, ``log_settings``: metrics.jsonl, train.log, progress bar; ``trackers``: TensorBoard, W&B, MLflow.
* ``probing``: probes with labels during a run, and ``codo probe``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.training.load_run import load_method as load_method
    from codo.training.log_settings import LogSettings as LogSettings
    from codo.training.pretrain import pretrain as pretrain
    from codo.training.pretrain_settings import PretrainSettings as PretrainSettings
    from codo.training.probing import probe as probe
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "LogSettings": "log_settings",
            "PretrainSettings": "pretrain_settings",
            "load_method": "load_run",
            "pretrain": "pretrain",
            "probe": "probing",
        },
    )
