"""Momentum contrast, one pyramid level at a time. Works on tensors; does not depend on models or views.

* ``infonce``: `ContrastSettings`, and InfoNCE against the queue (paper, Eq. 7-8).
* ``in_batch``: InfoNCE against the other samples of the batch; ``end_to_end``: without a key encoder.
* ``debiased``: both with negatives of the query's own class taken into account.
* ``cells``: positives of the cells of a map (DenseCL).
* ``queue``: a ring buffer of past keys for each level.
* ``memory_bank``: one embedding of every image, and noise-contrastive estimation against them.
* ``ema``: the key encoder as an exponential moving average of the query encoder; ``auto_momentum``: how slow a one.
* ``bn_groups``: which samples share BatchNorm statistics, on one device and on many.
* ``sinkhorn``: optimal transport between two weighted sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.contrast.debiased import debias as debias
    from codo.contrast.ema import momentum_copy as momentum_copy
    from codo.contrast.end_to_end import info_nce_end_to_end as info_nce_end_to_end
    from codo.contrast.in_batch import info_nce_in_batch as info_nce_in_batch
    from codo.contrast.infonce import ContrastSettings as ContrastSettings
    from codo.contrast.infonce import InfoNCE as InfoNCE
    from codo.contrast.infonce import info_nce as info_nce
    from codo.contrast.memory_bank import MemoryBank as MemoryBank
    from codo.contrast.queue import LevelQueue as LevelQueue
    from codo.contrast.sinkhorn import transport as transport
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "ContrastSettings": "infonce",
            "InfoNCE": "infonce",
            "LevelQueue": "queue",
            "MemoryBank": "memory_bank",
            "debias": "debiased",
            "info_nce": "infonce",
            "info_nce_end_to_end": "end_to_end",
            "info_nce_in_batch": "in_batch",
            "momentum_copy": "ema",
            "transport": "sinkhorn",
        },
    )
