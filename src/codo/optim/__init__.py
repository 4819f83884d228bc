"""Optimizers and learning rates of pretraining, and what finetuning shares of them.

* ``optimizer``: its settings, SGD and LARS over groups of parameters, schedules and the scaling with the batch.
* ``lars``: LARS, the optimizer of large batches.
* ``lr_factors``: learning rates of parts (``optim.lr_factors``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.optim.lars import LARS as LARS
    from codo.optim.optimizer import OptimSettings as OptimSettings
    from codo.optim.optimizer import Schedule as Schedule
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__, {"LARS": "lars", "OptimSettings": "optimizer", "Schedule": "optimizer"}
    )
