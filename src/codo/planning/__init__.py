"""Estimates the cost of a run before it is started: ``codo plan``.

* ``plan``: computes the estimate; ``estimate``: its lines, and how certain each of them is.
* ``flop_counter``: floating-point operations, bytes and memory of a step, counted on the method itself.
* ``gathered_negatives``: what the samples of other GPUs add to a loss within the batch.
* ``synthetic_batch``: a batch of any method, without data.
* ``traffic``: bytes that a step sends between GPUs.
* ``costs``: measured and published unit costs, with source and date (``costs.yaml``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.planning.estimate import Estimate as Estimate
    from codo.planning.flop_counter import count_step as count_step
    from codo.planning.plan import PlanSettings as PlanSettings
    from codo.planning.plan import plan as plan
    from codo.planning.synthetic_batch import synthetic_batch as synthetic_batch
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "Estimate": "estimate",
            "PlanSettings": "plan",
            "count_step": "flop_counter",
            "plan": "plan",
            "synthetic_batch": "synthetic_batch",
        },
    )
